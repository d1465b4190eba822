import { LIMITS } from "../../errors/limits.ts";
import { isCount, quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";

/** Element types of NumPy arrays that are read, by NumPy's names. */
export const NPY_TYPES = { "|u1": 1, "<f4": 4, "<f8": 8 } as const;

export type NpyType = keyof typeof NPY_TYPES;

/** What a `.npy` file says of its array, which follows in rows. */
export interface NpyHeader {
  readonly type: NpyType;
  readonly shape: readonly number[];
  /** Where the elements begin in the file. */
  readonly start: number;
}

const MAGIC = [0x93, ...new TextEncoder().encode("NUMPY")];
/** Enough for the header of any array that is read here. */
export const NPY_HEADER_BYTES = 4096;

/**
 * Reads the header of a `.npy` file (NumPy's format 1.0 to 3.0) from its first bytes. Arrays of Python objects are refused:
 * they would have to be unpickled. `what` is what messages call the array.
 */
export function readNpyHeader(bytes: Uint8Array, what: string): NpyHeader {
  const fail = (reason: string): CheckpointError => new CheckpointError(`Cannot read ${what}: ${reason}`);
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) throw fail("it is no .npy file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = view.getUint8(6) > 1;
  if (wide && bytes.length < 12) throw fail("it ends early");
  const [begin, length] = wide ? [12, view.getUint32(8, true)] : [10, view.getUint16(8, true)];
  if (begin + length > bytes.length) throw fail(`its header of ${length} bytes is cut off`);
  const text = new TextDecoder().decode(bytes.subarray(begin, begin + length));
  const type = /'descr': '([^']*)'/.exec(text)?.[1];
  const shape = /'shape': \(([\d, L]*)\)/.exec(text)?.[1];
  if (type === undefined || shape === undefined) throw fail("its header does not say type and shape");
  if (!isNpyType(type))
    throw fail(`its elements are ${quote(type)} where one of ${Object.keys(NPY_TYPES).join(", ")} is required`);
  if (!/'fortran_order': False/.test(text)) throw fail("its elements do not lie row by row");
  return { type, shape: readShape(shape, fail), start: begin + length };
}

/** Sizes as Python writes a tuple of them; Python 2 ended them with an L. */
function readShape(text: string, fail: (reason: string) => CheckpointError): number[] {
  const written = text.replace(/,$/, "").split(",");
  const sizes =
    text.trim() === "" ? [] : written.map((size) => (/^ *\d{1,16}L? *$/.test(size) ? Number.parseInt(size, 10) : -1));
  const count = sizes.reduce((product, size) => product * Math.max(1, size), 1);
  if (sizes.length > LIMITS.safetensors.dimensions.most || sizes.some((size) => !isCount(size))) {
    throw fail(`its shape is (${text}), not a few whole numbers`);
  }
  if (count > Number.MAX_SAFE_INTEGER / 8) throw fail(`its shape (${text}) has more elements than any file`);
  return sizes;
}

const isNpyType = (text: string): text is NpyType => Object.hasOwn(NPY_TYPES, text);

/** The bytes of a `.npy` file of float64 values. */
export function encodeNpy(data: Float64Array, shape: readonly number[]): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '<f8', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = 64 * Math.ceil((10 + dictionary.length + 1) / 64); // so that the elements are aligned
  const header = new TextEncoder().encode(`${dictionary.padEnd(length - 11)}\n`);
  const file = new Uint8Array(length + data.byteLength);
  file.set([...MAGIC, 1, 0]);
  new DataView(file.buffer).setUint16(8, header.length, true);
  file.set(header, 10);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), length);
  return file;
}
