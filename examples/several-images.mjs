// Two images of each prompt, and one of them again by its own seed.
import { pipeline } from "deepcache";

const pipe = await pipeline("text-to-image");
const { images, seeds } = await pipe(["a star on a blue background", "a key on a gray background"], {
  count: 2,
  seed: 10,
  steps: 20,
});
for (const image of images) await image.save(`${image.prompt.split(" ")[1]}-${image.seed}.png`);
console.log(seeds.join(", "));

const { image } = await pipe("a key on a gray background", { seed: 13, steps: 20 });
await image.save("again.png");
await pipe.dispose();
