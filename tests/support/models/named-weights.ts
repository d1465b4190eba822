import { type RgbImage, rgbImage } from "../../../src/image/rgb-image.ts";
import { elementCount, type Tensor } from "../../../src/tensor/tensor.ts";
import { randomNumbers, randomTensor } from "../random-tensor.ts";

/** What fixtures/perceptual/make_perceptual.py makes of names, so that no weights and pictures need be kept. */

/** FNV-1a of 32 bits. */
function hashOf(name: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

/** The tensor called `name`: of a size that keeps activations near 1. */
export function namedWeight(name: string, shape: readonly number[]): Tensor {
  const { data } = randomTensor(shape, hashOf(name));
  const inner = elementCount(shape.slice(1));
  const value = ((): ((each: number) => number) => {
    if (name.startsWith("lin")) return (each) => Math.abs(each) * Math.sqrt(3 / inner);
    if (name.startsWith("features.") && shape.length > 1) return (each) => each * Math.sqrt(6 / inner);
    if (shape.length > 1) return (each) => each * Math.sqrt(3 / inner);
    return name.endsWith(".weight") ? (each) => 1 + 0.2 * each : (each) => 0.1 * each;
  })();
  return { data: data.map(value), shape };
}

/** All tensors of `shapes` by their names. */
export const namedWeights = (shapes: Readonly<Record<string, readonly number[]>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, namedWeight(name, shape)]));

/** The inputs of CLIP's image tower. */
export const namedPixels = (count: number, size: number): Tensor =>
  randomTensor([count, 3, size, size], hashOf("pixels"));

/** White noise. */
export function namedPicture(name: string, width: number, height: number): RgbImage {
  const next = randomNumbers(hashOf(name));
  return rgbImage(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, () => Math.floor(256 * next())),
  );
}

/** Three parts of `a` and one of `b`. */
export const mixedPicture = (a: RgbImage, b: RgbImage): RgbImage =>
  rgbImage(
    a.width,
    a.height,
    a.data.map((level, i) => (3 * level + b.data[i]!) >> 2),
  );

/** Slopes and edges. */
export function meshedPicture(width: number, height: number): RgbImage {
  const levels = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const isWhite = (Math.floor(x / 7) + Math.floor(y / 5)) % 2 === 1;
    return [(5 * x + 3 * y) % 256, isWhite ? 255 : 0, (x * y) % 256];
  });
  return rgbImage(width, height, Uint8Array.from(levels.flat()));
}
