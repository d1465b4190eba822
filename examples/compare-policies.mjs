// What each cache policy costs, and how far its image is from the uncached one.
import { pipeline } from "deepcache";
import { psnr } from "deepcache/metrics";
import { formatPolicy } from "deepcache/plan";

const [model] = process.argv.slice(2);
const policies = [2, 3, "centered:3:5:1.4", "listed:0/1/2/5/8/12/16"];

const pipe = await pipeline("text-to-image", model);
/** @param {import("deepcache").CacheOption} cache */
const run = (cache) => pipe("a fox on a teal background", { sampler: "ddim", steps: 20, seed: 1, cache });
const original = await run("off");

for (const cache of policies) {
  const { image, policy, fse, macs } = await run(cache);
  const decibels = psnr(original.image, image).toFixed(1);
  const saved = (macs.uncached / macs.total).toFixed(2);
  console.log(`${formatPolicy(policy)}: ${fse.toFixed(1)} full steps, ${saved}x fewer MACs, ${decibels} dB`);
}
await pipe.dispose();
