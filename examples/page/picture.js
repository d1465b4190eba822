import { pipeline } from "deepcache"; // npm i onnxruntime-web

const pipe = await pipeline("text-to-image", "models/fluent-scenes"); // on your server; or a folder that was picked
const { image } = await pipe("a fox on a teal background", { seed: 1, cache: 3 });
document.querySelector("img").src = image.dataURL();
