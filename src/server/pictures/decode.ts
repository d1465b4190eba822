import { readImageInput } from "../../image/read-image.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { Refusal } from "../refusal.ts";

/** A picture that a client has sent: its pixels, and the bytes that it came as. */
export interface SentPicture {
  readonly image: RgbImage;
  readonly bytes: Uint8Array;
}

/** Reads the pictures of one request, which together may have only so many pixels. */
export interface PictureReader {
  /** Of a field of JSON. */
  text(field: string, value: unknown): Promise<SentPicture>;
  /** Of a file. */
  file(field: string, bytes: Uint8Array): Promise<SentPicture>;
}

/** A reader for a request of at most `pixels`. */
export function pictureReader(pixels: number): PictureReader {
  let left = pixels;
  const counted = async (reading: Promise<SentPicture>): Promise<SentPicture> => {
    const sent = await reading;
    left -= sent.image.width * sent.image.height;
    return sent;
  };
  return {
    text: (field, value) => counted(decodeText(value, { field, mostPixels: left })),
    file: (field, bytes) => counted(decodeBytes(bytes, { field, mostPixels: left })),
  };
}

/** How a sent picture is read. */
export interface DecodeOptions {
  /** The field that it stands in. */
  readonly field: string;
  readonly mostPixels: number;
}

/** The picture in a field of JSON: base64, alone or as a data URL. Addresses are refused: nothing is fetched, and no path is read. */
export async function decodeText(value: unknown, options: DecodeOptions): Promise<SentPicture> {
  const { field } = options;
  if (typeof value !== "string") throw refusal(field, "a text of base64 is required");
  if (/^\s*[a-z][a-z0-9+.-]*:\/\//i.test(value)) {
    throw refusal(field, "it is an address, and nothing is fetched; send the picture itself, as base64");
  }
  const text = /^data:[^,]*,/i.test(value) ? value.slice(value.indexOf(",") + 1) : value;
  if (text === "" || !/^[A-Za-z0-9+/_\s-]*={0,2}$/.test(text.trimEnd())) throw refusal(field, "it is not base64");
  return await decodeBytes(Buffer.from(text, "base64"), options);
}

/** The picture that a file holds. */
export async function decodeBytes(bytes: Uint8Array, { field, mostPixels }: DecodeOptions): Promise<SentPicture> {
  return { image: await readImageInput(bytes, { what: `"${field}"`, mostPixels }), bytes };
}

const refusal = (field: string, reason: string): Refusal =>
  new Refusal(400, "image_unreadable", `Cannot read "${field}": ${reason}`, { field });
