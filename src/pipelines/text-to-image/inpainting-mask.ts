import type { RgbImage } from "../../image/rgb-image.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** Where an image is painted anew: 1 there and 0 elsewhere, [1, 1, H, W]. */
export function maskOf({ width, height, data }: RgbImage): Tensor {
  const values = Float32Array.from({ length: width * height }, (_, i) =>
    luma(data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!) < 128 ? 0 : 1,
  );
  return { data: values, shape: [1, 1, height, width] };
}

/** What there is to say of a mask that changes nothing; one that shows in its transparency alone often looks like this. */
export const blackMaskWarning = (mask: RgbImage): string | undefined =>
  maskOf(mask).data.some((value) => value !== 0)
    ? undefined
    : "The mask is black everywhere, so that nothing is painted anew; transparency is not looked at";

/** A grey level of 0…255 (ITU-R BT.601), rounded as Pillow does. */
export const luma = (red: number, green: number, blue: number): number =>
  (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;

/** `image` [1, C, H, W] with zeros where it is painted anew. */
export function withoutMasked({ data, shape }: Tensor, mask: Tensor): Tensor {
  const plane = mask.data.length;
  return { data: data.map((value, i) => value * (1 - mask.data[i % plane]!)), shape };
}

/** The mask of latents `factor` times smaller: every pixel's is that of its upper left corner. */
export function latentMask({ data, shape: [, , height = 0, width = 0] }: Tensor, factor: number): Tensor {
  const [rows, columns] = [height / factor, width / factor];
  const values = new Float32Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) values[y * columns + x] = data[(y * width + x) * factor]!;
  }
  return { data: values, shape: [1, 1, rows, columns] };
}

/** `inside` where the mask is 1 and `outside` where it is 0, each [B, C, h, w]. */
export function blend(mask: Tensor, inside: Tensor, outside: Tensor): Tensor {
  const plane = mask.data.length;
  const data = inside.data.map((value, i) => {
    const weight = mask.data[i % plane]!;
    return (1 - weight) * outside.data[i]! + weight * value;
  });
  return { data, shape: inside.shape };
}
