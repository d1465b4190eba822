/** `deepcache/image`: pictures read, written, resized and laid side by side, with the text that says how they were made. */

export { encodeImage, type ImageType, imageTypeOf } from "./image/encode-image.ts";
export { writeImage } from "./image/files.ts";
export { type GeneratedImage, generatedImage } from "./image/generated-image.ts";
export { FITS, type Fit, fitImage, fitMask, fittedSize } from "./image/geometry/fit.ts";
export { type ResizeFilter, resizeImage } from "./image/geometry/resize.ts";
export { drawGrid, type GridOptions, type GridRow } from "./image/grid.ts";
export { ImageError } from "./image/image-error.ts";
export {
  formatParameters,
  type GenerationParameters,
  PARAMETERS_KEYWORD,
  parseParameters,
} from "./image/parameters.ts";
export { decodePng, encodePng, PngError } from "./image/png.ts";
export { type PngText, readPngText } from "./image/png-text.ts";
export { type ImageInput, readImageInput } from "./image/read-image.ts";
export type { RgbImage } from "./image/rgb-image.ts";
