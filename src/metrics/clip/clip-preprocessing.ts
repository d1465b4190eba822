import { crop } from "../../image/geometry/crop.ts";
import { type ResizeFilter, resizeImage } from "../../image/geometry/resize.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { type ConfigReader, configReader } from "../../models/config-reader.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** How images become what a CLIP model was trained on. */
export interface ClipPreprocessing {
  /** Height and width of what is left. */
  readonly size: number;
  /** The shorter side becomes `shortest` pixels long, or both sides `squash`. */
  readonly resize: { readonly kind: "shortest" | "squash"; readonly to: number };
  readonly filter: ResizeFilter;
  /** Where a square lies whose distances to both edges differ by one: transformers and torchvision do not agree. */
  readonly odd: "first" | "even";
  /** Of red, green and blue, which are made to have mean 0 and deviation 1. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** What CLIP was trained with. */
const MEAN = [0.48145466, 0.4578275, 0.40821073];
const DEVIATION = [0.26862954, 0.26130258, 0.27577711];

/** Reads a preprocessor_config.json of transformers for a model that sees images of `size`; {} is CLIP's own. */
export function transformersPreprocessing(config: unknown, size: number, source: string): ClipPreprocessing {
  const read = configReader(config, source);
  for (const step of ["do_resize", "do_rescale", "do_normalize"]) read.only(step, [true]);
  read.only("rescale_factor", [1 / 255]);
  const resize = transformersResize(read, size);
  if (read.boolean("do_center_crop", true)) {
    const [width, height] = read.has("crop_size") ? sides(read, "crop_size") : [size, size];
    if (width !== size || height !== size) read.fail("crop_size", `${size}, as the model sees,`);
  } else if (resize.kind === "shortest" || resize.to !== size) {
    read.fail("do_center_crop", `true, or a size of ${size} in both directions,`);
  }
  return {
    size,
    resize,
    filter: FILTERS[read.has("resample") ? read.integer("resample") : 3] ?? read.fail("resample", "2 or 3"),
    odd: "first",
    ...normalization(read, "image_mean", "image_std"),
  };
}

/** By Pillow's numbers. */
const FILTERS: Readonly<Record<number, ResizeFilter>> = { 2: "bilinear", 3: "bicubic" };

function transformersResize(read: ConfigReader, size: number): ClipPreprocessing["resize"] {
  if (!read.has("size")) return { kind: "shortest", to: size };
  const [width, height] = sides(read, "size");
  if (width !== height || width < size) read.fail("size", `${size} at least, the same in both directions,`);
  const isSquare = !read.isInteger("size") && read.section("size").has("height");
  return { kind: isSquare ? "squash" : "shortest", to: width };
}

/** A size as transformers has written it over the years: one number, the shorter side, or both. */
function sides(read: ConfigReader, field: string): readonly [width: number, height: number] {
  if (read.isInteger(field)) return [read.integer(field), read.integer(field)];
  const section = read.section(field);
  if (section.has("shortest_edge")) return [section.integer("shortest_edge"), section.integer("shortest_edge")];
  return [section.integer("width"), section.integer("height")];
}

/** Reads the `preprocess_cfg` of an open_clip_config.json for a model that sees images of `size`. */
export function openClipPreprocessing(config: unknown, size: number, source: string): ClipPreprocessing {
  const read = configReader(config, source).section("preprocess_cfg");
  read.only("size", [size]);
  return {
    size,
    resize: {
      kind: read.choice("resize_mode", { shortest: "shortest", squash: "squash" } as const, "shortest"),
      to: size,
    },
    // A model that was trained with either is shown bicubic ones.
    filter: read.choice(
      "interpolation",
      { bicubic: "bicubic", bilinear: "bilinear", random: "bicubic" } as const,
      "bicubic",
    ),
    odd: "even",
    ...normalization(read, "mean", "std"),
  };
}

function normalization(read: ConfigReader, mean: string, deviation: string) {
  const triple = (field: string, fallback: readonly number[], accepts: (value: unknown) => value is number) =>
    read.has(field) ? read.perLevel(field, 3, accepts) : fallback;
  return { mean: triple(mean, MEAN, isFiniteNumber), deviation: triple(deviation, DEVIATION, isPositiveNumber) };
}

const isFiniteNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isPositiveNumber = (value: unknown): value is number => isFiniteNumber(value) && value > 0;

/** Images [images, 3, size, size] of any sizes as CLIP's image tower sees them. */
export function clipPixels(images: readonly RgbImage[], preprocessing: ClipPreprocessing): Tensor {
  const { size, mean, deviation } = preprocessing;
  const plane = size * size;
  const data = new Float32Array(images.length * 3 * plane);
  for (const [index, image] of images.entries()) {
    const square = squareOf(image, preprocessing);
    for (let i = 0; i < 3 * plane; i++) {
      const channel = i % 3;
      const level = square.data[i]! / 255;
      data[(3 * index + channel) * plane + Math.floor(i / 3)] = (level - mean[channel]!) / deviation[channel]!;
    }
  }
  return { data, shape: [images.length, 3, size, size] };
}

function squareOf(image: RgbImage, { size, resize, filter, odd }: ClipPreprocessing): RgbImage {
  const { width, height } = image;
  const shorter = Math.min(width, height);
  const side = (length: number): number =>
    resize.kind === "squash" || length === shorter ? resize.to : Math.trunc((resize.to * length) / shorter);
  const resized = resizeImage(image, side(width), side(height), filter);
  const start = (length: number): number => {
    const half = (length - size) / 2;
    const below = Math.floor(half);
    return odd === "even" && half !== below && below % 2 === 1 ? below + 1 : below;
  };
  return crop(resized, { left: start(resized.width), top: start(resized.height), width: size, height: size });
}
