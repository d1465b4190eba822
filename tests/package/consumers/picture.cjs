const { defaultModelFolder, nodeRuntime, openStableDiffusion, textToImage, writeImage } = require("deepcache");
const { fullEvaluations } = require("deepcache/plan");

async function main() {
  const cache = { kind: "uniform", interval: 2, branch: 0 };
  if (fullEvaluations(cache, 4).join() !== "0,2") throw new Error("Cannot plan");
  const model = await openStableDiffusion(defaultModelFolder());
  const pipeline = textToImage(model, { runtime: nodeRuntime() });
  const { images } = await pipeline.generate({ prompt: "a fox on a teal background", seed: 1, steps: 4, cache });
  writeImage(process.argv[2], images[0]);
  await pipeline[Symbol.asyncDispose]();
}

void main();
