import { type ResizeFilter, resizeImage } from "../../image/geometry/resize.ts";
import type { ImageResult } from "../../library/results.ts";
import { type InterpolationMode, interpolate } from "../../tensor/interpolate.ts";
import type { HiresRequest } from "../queue/job.ts";
import { Refusal } from "../refusal.ts";

/** AUTOMATIC1111's names for what makes latents larger. */
export const LATENT_UPSCALERS: Readonly<Record<string, InterpolationMode>> = {
  Latent: "bilinear",
  "Latent (nearest)": "nearest",
  "Latent (nearest-exact)": "nearest-exact",
  "Latent (bicubic)": "bicubic",
};

/** Its names for what makes decoded pictures larger. */
export const PICTURE_UPSCALERS: Readonly<Record<string, ResizeFilter>> = {
  None: "bicubic",
  Nearest: "box",
  Bicubic: "bicubic",
  Lanczos: "lanczos",
};

/** The name of the upscaler that a client asks for, whatever letters it writes large; any other is refused. */
export function upscalerNamed(asked: string | undefined): string {
  const [usual = "", ...others] = [...Object.keys(LATENT_UPSCALERS), ...Object.keys(PICTURE_UPSCALERS)];
  if (asked === undefined || asked === "") return usual;
  const found = [usual, ...others].find((name) => name.toLowerCase() === asked.toLowerCase());
  if (found !== undefined) return found;
  throw new Refusal(
    400,
    "option_invalid",
    `Cannot enlarge with ${JSON.stringify(asked.slice(0, 60))}: there are ${[usual, ...others].join(", ")}`,
    { field: "hr_upscaler" },
  );
}

type Options = Readonly<Record<string, unknown>>;

/** What second runs start from: one for all pictures, or one for each where pictures are decoded in between. */
export function secondStarts(first: ImageResult, { upscaler, width, height }: HiresRequest): Options[] {
  const mode = LATENT_UPSCALERS[upscaler];
  const { images, seeds, latents } = first;
  if (mode === undefined) {
    const filter = PICTURE_UPSCALERS[upscaler];
    return images.map((image, i) => ({
      image: resizeImage(image, width, height, filter),
      ...{ width, height, seed: seeds[i], count: 1 },
    }));
  }
  const [rows = 1, columns = 1] = latents.shape.slice(-2);
  const across = Math.round((columns * width) / first.image.width);
  const down = Math.round((rows * height) / first.image.height);
  const image = { latents: interpolate(latents, down, across, mode), width, height };
  return [{ image, width, height, seed: seeds.length === 1 ? seeds[0] : seeds }];
}
