// Pictures out of noise alone: a DDPM takes neither prompt nor class.
import { pipeline } from "deepcache";

const [model = "ddpm-cifar10-32"] = process.argv.slice(2);
const pipe = await pipeline("unconditional-image", model);

const { images } = await pipe({ count: 4, sampler: "ddim", steps: 20, cache: "uniform:2:1", seed: 1 });
for (const image of images) await image.save(`noise-${image.seed}.png`);
await pipe.dispose();
