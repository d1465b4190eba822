import sharp, { type Sharp } from "sharp";
import { type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";

/** Clear colours by letter: a lossy format does not turn one into another. */
const COLORS: Readonly<Record<string, readonly [number, number, number]>> = {
  a: [255, 0, 0],
  b: [0, 255, 0],
  c: [0, 0, 255],
  d: [255, 255, 0],
  e: [0, 255, 255],
  f: [255, 0, 255],
  g: [128, 128, 128],
  ".": [0, 0, 0],
  w: [255, 255, 255],
};

/** A picture of squares, `size` pixels wide, by rows of letters such as "abc/def". */
export function squares(letters: string, size = 16): RgbImage {
  const rows = letters.split("/");
  const [width, height] = [(rows[0]?.length ?? 0) * size, rows.length * size];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.set(COLORS[rows[Math.floor(y / size)]![Math.floor(x / size)]!]!, (y * width + x) * 3);
    }
  }
  return rgbImage(width, height, data);
}

/** The letters whose colours are nearest to those in the middle of every square of `image`. */
export function lettersOf({ width, height, data }: RgbImage, size = 16): string {
  const letterAt = (x: number, y: number): string => {
    const pixel = data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3);
    const distance = (color: readonly number[]): number => Math.hypot(...color.map((level, i) => level - pixel[i]!));
    const [nearest] = Object.entries(COLORS).sort(([, one], [, other]) => distance(one) - distance(other));
    return nearest?.[0] ?? "?";
  };
  const middles = (length: number): number[] =>
    Array.from({ length: length / size }, (_, i) => Math.floor((i + 0.5) * size));
  return middles(height)
    .map((y) =>
      middles(width)
        .map((x) => letterAt(x, y))
        .join(""),
    )
    .join("/");
}

/** `image` as sharp takes it. */
export const withSharp = ({ width, height, data }: RgbImage): Sharp =>
  sharp(data, { raw: { width, height, channels: 3 } });

/** A file of `format` that sharp has made of `image`. */
export const fileOf = async (
  image: RgbImage,
  format: "png" | "jpeg" | "webp" | "gif" | "avif" | "tiff",
  orientation = 1,
): Promise<Uint8Array<ArrayBuffer>> =>
  Uint8Array.from(await withSharp(image).withMetadata({ orientation }).toFormat(format).toBuffer());
