// Makes two pictures through the AI SDK; with the address of a server as argument, there instead of here.
import { writeFile } from "node:fs/promises";
import { generateImage } from "ai";
import { deepcache } from "deepcache/ai-sdk";

const [url] = process.argv.slice(2);
const model = deepcache(undefined, url === undefined ? {} : { url });

const { images, providerMetadata } = await generateImage({
  model,
  prompt: "a fox on a teal background",
  n: 2,
  seed: 1,
  providerOptions: { deepcache: { steps: 10, cache: 3 } },
});
for (const [i, { uint8Array }] of images.entries()) await writeFile(`fox-${i}.png`, uint8Array);
console.log(JSON.stringify(providerMetadata["deepcache"]?.images[0]));
await model.dispose();
