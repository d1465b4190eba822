import { encodeImage, type ImageType } from "../../image/encode-image.ts";
import { PARAMETERS_KEYWORD } from "../../image/parameters.ts";
import { decodePng } from "../../image/png.ts";
import type { JobPicture } from "../queue/job.ts";

/** Formats by the names that OpenAI's clients use. */
export const FORMATS = { png: "image/png", jpeg: "image/jpeg", webp: "image/webp" } as const satisfies Readonly<
  Record<string, ImageType>
>;

/** The name of a format. */
export type FormatName = keyof typeof FORMATS;

/** A picture's file in a format; `quality` goes from 0 to 1. */
export async function encodedAs(
  { png, parameters }: Pick<JobPicture, "png" | "parameters">,
  format: FormatName,
  quality?: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (format === "png") return png;
  const text = parameters === "" ? {} : { [PARAMETERS_KEYWORD]: parameters };
  return await encodeImage(decodePng(png).image, FORMATS[format], { text, quality });
}

/** Bytes as JSON has them. */
export const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
