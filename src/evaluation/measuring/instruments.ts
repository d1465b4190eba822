import type { RgbImage } from "../../image/rgb-image.ts";
import type { FeatureStatistics } from "../../metrics/frechet-distance.ts";
import type { MeasureName } from "../measures.ts";
import type { Item } from "../workload/items.ts";

/** Images that were made together, with what they are to be compared with. */
export interface MeasuredBatch {
  readonly images: readonly RgbImage[];
  readonly items: readonly Item[];
  /** The baseline's images of the same items; none while the baseline itself is measured. */
  readonly baseline: readonly RgbImage[] | undefined;
}

/** One value for each image, by measure. */
export type ImageValues = Readonly<Partial<Record<MeasureName, readonly number[]>>>;

/** Something that measures images one by one. */
export interface ImageInstrument {
  readonly measures: readonly MeasureName[];
  /** Measures batches as they are made, so that values do not depend on where a run was taken up again. */
  measure(batch: MeasuredBatch): ImageValues | Promise<ImageValues>;
}

/** A network whose features of all images are kept, for measures of whole sets. */
export interface FeatureInstrument {
  /** The feature vectors that it gives, by name, with their widths. */
  readonly outputs: Readonly<Record<string, number>>;
  /** What an output's features are compared with where nothing else is given. */
  readonly references?: Readonly<Record<string, FeatureStatistics>>;
  /** One vector after the other, for every output. */
  extract(images: readonly RgbImage[]): Promise<Readonly<Record<string, Float32Array>>>;
}
