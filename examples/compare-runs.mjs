// The same picture with and without a cache, evaluation by evaluation in turn.
import { pipeline } from "deepcache";
import { psnr } from "deepcache/metrics";

const [model] = process.argv.slice(2);
const pipe = await pipeline("text-to-image", model);
const run = pipe.compare({ prompt: "a fox on a teal background", steps: 20, seed: 1 }, [
  { cache: "off" },
  { cache: 3 },
]);

const seconds = [0, 0];
for await (const event of run) if (event.type === "evaluation") seconds[event.lane] += event.seconds;

const [original, accelerated] = await run;
const faster = (seconds[0] / seconds[1]).toFixed(2);
console.log(`${faster}x faster, ${psnr(original.image, accelerated.image).toFixed(1)} dB`);
await pipe.dispose();
