import { plainImage, type RgbImage } from "../rgb-image.ts";

/** `image` made smaller by a whole `factor`, every pixel the mean of a square; what is left over at the edges is cut off. */
export function shrink(image: RgbImage, factor: number): RgbImage {
  const [width, height] = [Math.floor(image.width / factor), Math.floor(image.height / factor)];
  if (!Number.isInteger(factor) || factor < 1 || width < 1 || height < 1) {
    throw new RangeError(
      `Cannot shrink an image of ${image.width}x${image.height} pixels ${factor} times: a whole number from 1 to ` +
        `${Math.min(image.width, image.height)} is required`,
    );
  }
  const small = plainImage(width, height);
  for (let i = 0; i < small.data.length; i++) {
    const [channel, pixel] = [i % 3, Math.floor(i / 3)];
    const [x, y] = [(pixel % width) * factor, Math.floor(pixel / width) * factor];
    let sum = 0;
    for (let dy = 0; dy < factor; dy++) {
      for (let dx = 0; dx < factor; dx++) sum += image.data[((y + dy) * image.width + x + dx) * 3 + channel]!;
    }
    small.data[i] = Math.round(sum / factor ** 2);
  }
  return small;
}
