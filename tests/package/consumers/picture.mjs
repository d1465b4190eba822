import { pipeline } from "deepcache";

const pipe = await pipeline("text-to-image");
const { image } = await pipe("a fox on a teal background", { seed: 1, steps: 4, cache: 2 });
await image.save(process.argv[2]);
