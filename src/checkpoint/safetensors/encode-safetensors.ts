import type { Dtype } from "../../tensor/dtype.ts";
import { elementCount, type Tensor } from "../../tensor/tensor.ts";

/** One tensor of a safetensors file, whose data is written elsewhere. */
export interface TensorEntry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** What a safetensors file begins with, for tensors whose data follows in the order of `entries`. */
export function safetensorsHeader(
  entries: Iterable<readonly [name: string, entry: TensorEntry]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of entries) {
    if (name === "__metadata__")
      throw new RangeError('Cannot write a tensor named "__metadata__": the format keeps it');
    header.push([name, { dtype, shape, data_offsets: [offset, offset + bytes] }]);
    offset += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = new Uint8Array(8 * Math.ceil((8 + json.length) / 8)).fill(0x20); // spaces, so that the data is aligned
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true);
  padded.set(json, 8);
  return padded;
}

/** The pieces of a safetensors file in order: the header, then each tensor's bytes (views, not copies). */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  const entries = Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, { data, shape }] of entries) {
    if (data.length !== elementCount(shape)) {
      throw new RangeError(`Cannot write tensor "${name}": [${shape.join(", ")}] does not have ${data.length} values`);
    }
  }
  const described = entries.map(
    ([name, { data, shape }]) => [name, { dtype: "F32", shape, bytes: data.byteLength }] as const,
  );
  return [
    safetensorsHeader(described, metadata),
    ...entries.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
}
