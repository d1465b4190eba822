// Says how far a run has come, and keeps a preview of every tenth evaluation.
import { pipeline } from "deepcache";

const pipe = await pipeline("text-to-image");
const run = pipe("a panda on a purple background", { seed: 1, steps: 20, previewEvery: 10 });

for await (const event of run) {
  switch (event.type) {
    case "evaluation":
      console.log(`${event.evaluation + 1} of ${event.evaluations}`);
      break;
    case "preview":
      await event.images[0]?.save(`preview-${event.evaluation}.png`);
      break;
    case "warning":
      console.warn(event.message);
  }
}
const { image, seconds } = await run;
console.log(`${await image.save("panda.png")} after ${seconds.total.toFixed(1)} s`);
await pipe.dispose();
