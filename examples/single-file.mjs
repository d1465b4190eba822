// A checkpoint as one file, with the YAML that describes it where the file cannot tell.
import { pipeline } from "deepcache";

const [model = "v1-5-pruned-emaonly.safetensors", config, tokenizer, side = "512"] = process.argv.slice(2);
const pipe = await pipeline("text-to-image", model, { config, tokenizer });

const [width, height] = [Number(side), Number(side)];
const { image } = await pipe("a castle by the sea", { width, height, sampler: "dpmpp-2m", steps: 20, seed: 1 });
console.log(`${await image.save("castle.png")}, by ${pipe.model.name}`);
await pipe.dispose();
