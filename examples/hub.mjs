// A model of the Hugging Face hub by its id. What is needed of it is downloaded the first time, into the cache that Python shares.
import { pipeline } from "deepcache";

const [model = "stable-diffusion-v1-5/stable-diffusion-v1-5", side = "512"] = process.argv.slice(2);
const pipe = await pipeline("text-to-image", model, {
  onProgress(info) {
    if (info.status !== "downloading") return;
    const { file, loaded, total, rate = 0 } = info;
    console.log(`${file}: ${((100 * loaded) / total).toFixed(0)} % of all, ${(rate / 1e6).toFixed(1)} MB/s`);
  },
});

const [width, height] = [Number(side), Number(side)];
const { image } = await pipe("a castle by the sea", {
  width,
  height,
  sampler: "dpmpp-2m",
  steps: 20,
  cache: 3,
  seed: 1,
});
console.log(await image.save("castle-of-the-hub.png"));
await pipe.dispose();
