import { deflateSync } from "node:zlib";
import { crc32, joined, type Parts, u16, u32be, u64 } from "./bytes.ts";

/** A safetensors file with whatever header; `length` is what it says of that. */
export function safetensors(
  header: unknown,
  data: Uint8Array = new Uint8Array(),
  length?: bigint,
): Buffer<ArrayBuffer> {
  const json =
    header instanceof Uint8Array ? header : Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  return joined(u64(length ?? json.length), json, data);
}

/** The array of a .npy file. */
export function npy(type: string, shape: string, data: Uint8Array, fortran = "False"): Buffer<ArrayBuffer> {
  const header = `{'descr': '${type}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`;
  const padded = Buffer.from(`${header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11)}\n`);
  return joined(Buffer.from("\x93NUMPY\x01\x00", "latin1"), u16(padded.length), padded, data);
}

/** A part of a PNG. */
export function chunk(type: string, data: Uint8Array, checksum?: number): Buffer<ArrayBuffer> {
  const body = joined(Buffer.from(type, "latin1"), data);
  return joined(u32be(data.length), body, u32be(checksum ?? crc32(body)));
}

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** The header of a PNG. */
export const header = (width: number, height: number, depth = 8, colour = 2, interlaced = 0): Buffer =>
  chunk("IHDR", joined(u32be(width), u32be(height), Buffer.from([depth, colour, 0, 0, interlaced])));

/** The pixels of a PNG: every row behind the number of its filter. */
export const pixels = (rows: Uint8Array): Buffer => chunk("IDAT", deflateSync(rows, { level: 9 }));

/** A PNG of these parts. */
export const png = (...chunks: readonly Parts[]): Buffer<ArrayBuffer> =>
  joined(SIGNATURE, ...chunks, chunk("IEND", new Uint8Array()));
