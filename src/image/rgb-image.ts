/** Eight-bit pixels, interleaved red, green, blue, rows from the top. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Wraps `data` as an image, refusing a length that the size does not have. */
export function rgbImage(width: number, height: number, data: Uint8Array | Uint8ClampedArray): RgbImage {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(`Cannot make an image of ${width}x${height} pixels: both must be positive integers`);
  }
  if (data.length !== width * height * 3) {
    throw new RangeError(
      `Cannot make an RGB image of ${width}x${height} pixels: it takes ${width * height * 3} bytes, not ${data.length}`,
    );
  }
  return { width, height, data };
}

/** An image of one grey level, white by default. */
export function plainImage(width: number, height: number, level = 255): RgbImage {
  return rgbImage(width, height, new Uint8Array(width * height * 3).fill(level));
}

/** Copies `image` into `canvas` with its top left corner at (`left`, `top`); it must fit. */
export function paste(canvas: RgbImage, image: RgbImage, left: number, top: number): void {
  if (left < 0 || top < 0 || left + image.width > canvas.width || top + image.height > canvas.height) {
    throw new RangeError(
      `Cannot paste ${image.width}x${image.height} pixels at (${left}, ${top}) of ${canvas.width}x${canvas.height}`,
    );
  }
  const rowBytes = image.width * 3;
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * rowBytes, (y + 1) * rowBytes);
    canvas.data.set(row, ((top + y) * canvas.width + left) * 3);
  }
}
