import { defaultModelFolder, nodeRuntime, openStableDiffusion, textToImage, writeImage } from "deepcache";

const model = await openStableDiffusion(defaultModelFolder());
const pipeline = textToImage(model, { runtime: nodeRuntime() });
const { images } = await pipeline.generate({
  prompt: "a fox on a teal background",
  seed: 1,
  steps: 4,
  cache: { kind: "uniform", interval: 2, branch: 0 },
});
writeImage(process.argv[2], images[0]);
await pipeline[Symbol.asyncDispose]();
