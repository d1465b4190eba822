/** `deepcache/metrics` for browsers: what compares pictures and features, without the networks that are read from files. */

export type { RgbImage } from "./image/rgb-image.ts";
export { type FeatureStatistics, featureStatistics, frechetDistance } from "./metrics/frechet-distance.ts";
export { inceptionScore } from "./metrics/inception-score.ts";
export { kernelDistance } from "./metrics/kernel-distance.ts";
export { type Matrix, matrix, type Samples } from "./metrics/linear-algebra/matrix.ts";
export { precisionAndRecall } from "./metrics/precision-recall.ts";
export { psnr } from "./metrics/psnr.ts";
export {
  type CaptionVerdict,
  captionAccuracy,
  parseCaption,
  type SceneCaption,
  type SceneLabels,
  type SceneReading,
  type Verdict,
} from "./metrics/scene/scene-caption.ts";
export { type SsimOptions, ssim } from "./metrics/ssim.ts";
export { INCEPTION_WIDTHS, type InceptionInput, type InceptionOutput } from "./models/judges/inception.ts";
