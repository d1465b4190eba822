import { defaultModelFolder, nodeRuntime, openStableDiffusion, psnr, textToImage } from "deepcache";

/** What each policy costs and how far its image is from the uncached one. */
const POLICIES = ["uniform:2", "uniform:3", "centered:3:5:1.4", "listed:0/1/2/5/8/12/16"];

const [folder = defaultModelFolder()] = process.argv.slice(2);
const model = await openStableDiffusion(folder);
await using pipeline = textToImage(model, { runtime: nodeRuntime() });
const options = { prompt: "a fox on a teal background", sampler: "ddim", steps: 20, seed: 1 };
const [original] = (await pipeline.generate(options)).images;

for (const cache of POLICIES) {
  const { images, fse, macs } = await pipeline.generate({ ...options, cache });
  const decibels = original && images[0] ? psnr(original, images[0]) : Number.NaN;
  const saved = (macs.uncached / macs.total).toFixed(2);
  console.log(`${cache}: ${fse.toFixed(1)} full steps, ${saved}x fewer MACs, ${decibels.toFixed(1)} dB`);
}
