import type { Corner, PictureSizes, PixelSize } from "./picture-sizes.ts";

/** One of SDXL's sizes. */
export type SizeName = keyof PictureSizes;

type Form = "size" | "corner";

/** What pictures call SDXL's sizes, and their form: 1024x768, or 10,20 for a corner. */
export const SIZE_TEXTS = {
  originalSize: { setting: "Original size", form: "size" },
  cropsCoordsTopLeft: { setting: "Crops coords top left", form: "corner" },
  targetSize: { setting: "Target size", form: "size" },
  negativeOriginalSize: { setting: "Negative original size", form: "size" },
  negativeCropsCoordsTopLeft: { setting: "Negative crops coords top left", form: "corner" },
  negativeTargetSize: { setting: "Negative target size", form: "size" },
} as const satisfies Readonly<Record<SizeName, { readonly setting: string; readonly form: Form }>>;

/** All of them. */
export const SIZE_NAMES = Object.keys(SIZE_TEXTS) as readonly SizeName[];

/** What is asked for where a text is none. */
export const SIZE_FORMS = { size: "WIDTHxHEIGHT", corner: "TOP,LEFT" } as const satisfies Readonly<
  Record<Form, string>
>;

/** A size as text. */
export const formatSize = (size: PixelSize | Corner): string =>
  "width" in size ? `${size.width}x${size.height}` : `${size.top},${size.left}`;

/** The size that `text` is, or nothing where it is none. */
export function parseSize(name: SizeName, text: string): PixelSize | Corner | undefined {
  const { form } = SIZE_TEXTS[name];
  const parts = text.split(form === "size" ? "x" : ",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [first = Number.NaN, second = Number.NaN] = parts;
  if (parts.length !== 2 || !Number.isFinite(first) || !Number.isFinite(second)) return undefined;
  return form === "size" ? { width: first, height: second } : { top: first, left: second };
}
