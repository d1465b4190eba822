import { pipeline } from "deepcache";

const pipe = await pipeline("text-to-image");
const { image } = await pipe("a fox on a teal background", { seed: 1, cache: 3 });
await image.save("fox.png");
