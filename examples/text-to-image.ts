import { defaultModelFolder, nodeRuntime, openStableDiffusion, textToImage, writeImage } from "deepcache";

const [folder = defaultModelFolder(), output = "fox.png"] = process.argv.slice(2);
const model = await openStableDiffusion(folder);
await using pipeline = textToImage(model, { runtime: nodeRuntime() });
const prompt = "a fox on a teal background";

for await (const event of pipeline.stream({ prompt, steps: 20, seed: 1, cache: 3 })) {
  if (event.type === "evaluation") console.log(event.evaluation, event.full ? "full" : "cached");
  if (event.type === "result") for (const image of event.result.images) writeImage(output, image);
}
