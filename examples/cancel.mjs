// Three ways to end a run: its own abort(), a signal, and leaving its loop.
import { pipeline } from "deepcache";

const pipe = await pipeline("text-to-image");

const first = pipe("a rocket on a black background");
first.abort();

const second = pipe("a rocket on a black background", { signal: AbortSignal.timeout(1) });

const third = pipe("a rocket on a black background");
for await (const event of third) if (event.type === "evaluation") break;

for (const run of [first, second, third]) {
  try {
    await run;
  } catch (error) {
    console.log(error instanceof Error ? error.name : error);
  }
}
await pipe.dispose();
