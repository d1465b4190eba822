import type { RgbImage } from "../rgb-image.ts";
import { CANNY_THRESHOLDS, cannyEdges } from "./canny.ts";

/** What is made of a picture for a control network: nothing, or its edges, `canny:LOW:HIGH` with thresholds of its own. */
export type Preprocessing = "none" | "canny" | `canny:${number}:${number}`;

/** How it is written, for help texts. */
export const PREPROCESSING_SYNTAX = `none, canny or canny:LOW:HIGH (canny is canny:${CANNY_THRESHOLDS.low}:${CANNY_THRESHOLDS.high})`;

/** What a text asks to be made of a picture. */
export function preprocessor(text: string): (image: RgbImage) => RgbImage {
  if (text === "none") return (image) => image;
  const [kind, ...values] = text.split(":");
  const [low, high] = values.length === 0 ? [CANNY_THRESHOLDS.low, CANNY_THRESHOLDS.high] : values.map(Number);
  const isRange = low !== undefined && high !== undefined && low >= 0 && high >= low && Number.isFinite(high);
  if (kind !== "canny" || !isRange || values.length > 2 || values.includes("")) {
    throw new RangeError(
      `Cannot preprocess a picture as "${text}": ${PREPROCESSING_SYNTAX}, LOW no larger than HIGH, is required`,
    );
  }
  return (image) => cannyEdges(image, { low, high });
}
