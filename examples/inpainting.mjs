// Paints the left half of a picture anew. A mask is a picture too: white is painted, black stays.
import { pipeline } from "deepcache";

const [width, height] = [64, 64];
const isLeft = (/** @type {number} */ byte) => Math.floor(byte / 3) % width < width / 2;
const mask = { width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (isLeft(i) ? 255 : 0)) };

const pipe = await pipeline("text-to-image");
const { image } = await pipe("a fox on a blue background", { image: "fox.png", mask, strength: 1, seed: 3 });

await image.save("half.png");
await pipe.dispose();
