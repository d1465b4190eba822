import { DeepCacheError } from "../errors/deepcache-error.ts";
import { LIMITS } from "../errors/limits.ts";

/** A picture that cannot be read or written: broken, of a format that is not known, or in need of a library that is missing. */
export class ImageError extends DeepCacheError {
  override readonly name: string = "ImageError";

  constructor(message: string, options?: ErrorOptions) {
    super("IMAGE_UNREADABLE", message, options);
  }
}

/** Larger pictures are refused before memory is taken for them. */
export const MOST_PIXELS = LIMITS.png.pixels.most;
