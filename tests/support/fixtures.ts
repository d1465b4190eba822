import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** Path of a file below tests/fixtures. */
export const fixturePath = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

export const readJson = (name: string): unknown => JSON.parse(readFileSync(fixturePath(name), "utf8"));

export interface FixtureFile {
  /** float32 tensors (float64, integers and bytes are converted). */
  tensor(name: string): Tensor;
  has(name: string): boolean;
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

/**
 * Reads a whole safetensors file, below tests/fixtures unless its path is absolute. It goes without the product's own
 * reader, so that the reader cannot vouch for itself.
 */
export function readFixture(name: string): FixtureFile {
  const bytes = readFileSync(resolve(fixturePath("."), name));
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength)) as Header;
  const { __metadata__: metadata = {}, ...entries } = header as Header & { __metadata__?: Record<string, string> };
  return {
    names: Object.keys(entries),
    metadata: metadata as Record<string, string>,
    has: (key) => key in entries,
    tensor(key) {
      const found = entries[key];
      if (found === undefined) throw new Error(`No tensor "${key}" in ${name}`);
      const start = 8 + headerLength + found.data_offsets[0];
      const copy = new Uint8Array(bytes.subarray(start, 8 + headerLength + found.data_offsets[1])).buffer;
      return { shape: found.shape, data: toFloat32(found.dtype, copy) };
    },
  };
}

function toFloat32(dtype: string, buffer: ArrayBuffer): Float32Array {
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return Float32Array.from(new Float64Array(buffer));
    case "I64":
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case "I32":
      return Float32Array.from(new Int32Array(buffer));
    case "U8":
    case "BOOL":
      return Float32Array.from(new Uint8Array(buffer));
    default:
      throw new Error(`Fixture tensors of ${dtype} are not read here`);
  }
}

/** Entry `index` along the first axis. */
export function row({ data, shape }: Tensor, index: number): Tensor {
  const [count = 1, ...rest] = shape;
  const size = data.length / count;
  return { data: data.subarray(index * size, (index + 1) * size), shape: rest };
}
