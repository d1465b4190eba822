import { plainImage, type RgbImage } from "../rgb-image.ts";

/** The rectangle of `width` × `height` pixels of `image` with its top left corner at (`left`, `top`). */
export function crop(
  image: RgbImage,
  {
    left,
    top,
    width,
    height,
  }: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
): RgbImage {
  if (!(left >= 0 && top >= 0 && left + width <= image.width && top + height <= image.height)) {
    throw new RangeError(
      `Cannot cut ${width}x${height} pixels at (${left}, ${top}) out of an image of ${image.width}x${image.height}`,
    );
  }
  const part = plainImage(width, height);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * image.width + left) * 3;
    part.data.set(image.data.subarray(start, start + width * 3), y * width * 3);
  }
  return part;
}
