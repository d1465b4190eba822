const little = (size: number, value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes.subarray(0, size);
};

/** Numbers as bytes, the lowest first; what does not fit is cut off. */
export const u16 = (value: number): Buffer => little(2, value);
export const u32 = (value: number): Buffer => little(4, value);
export const u64 = (value: number | bigint): Buffer => little(8, value);

/** A number as four bytes, the highest first. */
export const u32be = (value: number): Buffer => Buffer.from(u32(value)).reverse();

/** Bytes, and bytes in lists, one behind another. */
export type Parts = Uint8Array | readonly Parts[];

const flat = (parts: Parts): readonly Uint8Array[] => (parts instanceof Uint8Array ? [parts] : parts.flatMap(flat));

/** All parts as one. */
export const joined = (...parts: readonly Parts[]): Buffer<ArrayBuffer> => Buffer.concat(flat(parts));

/** What `make` gives, `count` times. */
export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** The checksum of zip archives and PNGs. */
export { crc32 } from "node:zlib";
