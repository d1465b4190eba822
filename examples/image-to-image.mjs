// Starts from a picture instead of from noise: fox.png is what first-image.mjs made.
import { pipeline } from "deepcache";

const pipe = await pipeline("text-to-image");
const { image, strength } = await pipe("a fox on an orange background", { image: "fox.png", strength: 0.7, seed: 2 });

console.log(`${await image.save("orange.png")}: ${strength} of the steps were taken`);
await pipe.dispose();
