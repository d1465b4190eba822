// The same picture with and without a cache, evaluation by evaluation in turn.
import { pipeline } from "deepcache";
import { psnr } from "deepcache/metrics";

const [model] = process.argv.slice(2);
const pipe = await pipeline("text-to-image", model);
const run = pipe.compare({ prompt: "a fox on a teal background", steps: 20, seed: 1 }, [
  { cache: "off" },
  { cache: 3 },
]);

for await (const event of run) {
  if (event.type === "evaluation")
    console.log(`${event.lane === 0 ? "original" : "cached"}: evaluation ${event.evaluation}`);
}
const [original, cached] = await run;
if (original && cached) {
  const faster = (original.seconds.denoise / cached.seconds.denoise).toFixed(2);
  console.log(`${faster}x faster, ${psnr(original.image, cached.image).toFixed(1)} dB`);
}
await pipe.dispose();
