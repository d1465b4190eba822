import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";

/** What messages have to call the file of a case. */
export const CASE = "CASE";

/** The parts of a case that is several files, or says what it is for. */
export const SEPARATOR = "\u0001";

/** Something wrong that a reader took for right. */
export class Lie extends Error {
  override readonly name = "Lie";
}

/** Reads the file of a case as the program would; what is accepted must be true, or a Lie is thrown. */
export type Reader = (bytes: Uint8Array) => Promise<unknown>;

/** The file of a case. */
export const sourceOf = (bytes: Uint8Array) => memorySource(bytes, CASE);

/** What stands before the first separator, and what behind it. */
export function parted(bytes: Uint8Array): readonly [string, Uint8Array] {
  const end = bytes.indexOf(SEPARATOR.charCodeAt(0));
  return [new TextDecoder().decode(bytes.subarray(0, end)), bytes.subarray(end + 1)];
}
