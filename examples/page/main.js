// Makes an image in the page: npm i deepcache onnxruntime-web vite, the model's folder below public/models, npx vite.
import { pipeline } from "deepcache";

const [form, progress, image] = ["form", "progress", "img"].map((name) => document.querySelector(name));

const opening = pipeline("text-to-image", "models/fluent-scenes", {
  onProgress({ loaded, total }) {
    progress.value = loaded / total;
  },
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const pipe = await opening;
  const run = pipe(new FormData(form).get("prompt"), { seed: 3, cache: 3 });
  for await (const event of run) {
    if (event.type === "evaluation") progress.value = (event.evaluation + 1) / event.evaluations;
  }
  const { image: made } = await run;
  image.src = made.dataURL();
  image.alt = made.prompt;
});
