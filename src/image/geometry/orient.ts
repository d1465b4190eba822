import type { Orientation } from "../codecs/exif.ts";
import { plainImage, type RgbImage } from "../rgb-image.ts";

/** Whether the sides change places, and which of the seen directions run against the stored ones. */
interface Turn {
  readonly transposed: boolean;
  readonly mirrored: boolean;
  readonly upsideDown: boolean;
}

const TURNS: Readonly<Record<Orientation, Turn>> = {
  1: { transposed: false, mirrored: false, upsideDown: false },
  2: { transposed: false, mirrored: true, upsideDown: false },
  3: { transposed: false, mirrored: true, upsideDown: true },
  4: { transposed: false, mirrored: false, upsideDown: true },
  5: { transposed: true, mirrored: false, upsideDown: false },
  6: { transposed: true, mirrored: true, upsideDown: false },
  7: { transposed: true, mirrored: true, upsideDown: true },
  8: { transposed: true, mirrored: false, upsideDown: true },
};

/** The picture that is meant where `image` is stored in `orientation`: turned and mirrored until it is upright. */
export function orient(image: RgbImage, orientation: Orientation): RgbImage {
  if (orientation === 1) return image;
  const { transposed, mirrored, upsideDown } = TURNS[orientation];
  const [width, height] = transposed ? [image.height, image.width] : [image.width, image.height];
  const upright = plainImage(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [across, down] = [mirrored ? width - 1 - x : x, upsideDown ? height - 1 - y : y];
      const from = (transposed ? across * image.width + down : down * image.width + across) * 3;
      const to = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) upright.data[to + channel] = image.data[from + channel]!;
    }
  }
  return upright;
}
