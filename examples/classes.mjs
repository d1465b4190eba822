// ImageNet's classes by name or number, from the original checkpoint and its YAML.
import { pipeline } from "deepcache";

const [model = "model.ckpt", config = "cin256-v2.yaml"] = process.argv.slice(2);
const pipe = await pipeline("class-to-image", model, { config });

const { images } = await pipe(["tiger shark", 7], { steps: 20, guidanceScale: 1.5, seed: 1 });
for (const image of images) console.log(`${await image.save(`${image.seed}.png`)}: ${image.prompt}`);
await pipe.dispose();
