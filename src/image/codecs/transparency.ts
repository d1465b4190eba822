import { decode, hasPngSignature } from "fast-png";
import { type RgbImage, rgbImage } from "../rgb-image.ts";

/**
 * A mask of a PNG that `decodePng` has read: white where the picture is wholly transparent, black elsewhere; nothing where it has
 * no transparency, or is no PNG.
 */
export function transparencyMask(bytes: Uint8Array): RgbImage | undefined {
  if (!hasPngSignature(bytes)) return undefined;
  const { width, height, data, channels, palette } = decode(bytes);
  const alphaOf = (i: number): number => {
    if (palette !== undefined) return palette[data[i] ?? 0]?.[3] ?? 255;
    return channels % 2 === 0 ? (data[i * channels + channels - 1] ?? 255) : 255;
  };
  const mask = new Uint8Array(width * height * 3);
  let found = false;
  for (let i = 0; i < width * height; i++) {
    if (alphaOf(i) > 0) continue;
    mask.fill(255, i * 3, i * 3 + 3);
    found = true;
  }
  return found ? rgbImage(width, height, mask) : undefined;
}
