import { readFileSync } from "node:fs";
import { decodePng } from "../../../src/image/png.ts";
import { type RgbImage, rgbImage } from "../../../src/image/rgb-image.ts";
import { fixturePath, readJson } from "../fixtures.ts";

/** Scenes that no network was trained on, with their captions; the file shows one below the other. */
export function heldOutScenes(): { readonly images: readonly RgbImage[]; readonly captions: readonly string[] } {
  const { image } = decodePng(readFileSync(fixturePath("scene-metrics/scenes.png")));
  const { width, height, data } = image;
  const bytes = width * width * 3;
  const images = Array.from({ length: height / width }, (_, i) =>
    rgbImage(width, width, data.slice(i * bytes, (i + 1) * bytes)),
  );
  return { images, captions: readJson("scene-metrics/captions.json") as string[] };
}
