import { LIMITS } from "../../errors/limits.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { isCount, quote } from "../bytes/limits.ts";
import type { CheckpointFile } from "../checkpoint-file.ts";
import { CheckpointError } from "../errors.ts";
import { decodeUtf8, isJsonObject, type JsonObject, parseJsonText, scanJson } from "../text/json.ts";
import type { Weight } from "../weights.ts";

const { headerBytes: HEADER, tensors: TENSORS, dimensions: DIMENSIONS } = LIMITS.safetensors;
const LENGTH_BYTES = 8;

/** Describes every tensor of a safetensors file from its header; tensor data is neither read nor copied. */
export async function readSafetensors(source: ByteSource): Promise<CheckpointFile> {
  const headerBytes = await readHeaderLength(source);
  const name = `the header of "${source.name}"`;
  const text = decodeUtf8(await source.read(LENGTH_BYTES, headerBytes), name);
  const { topLevelKeys } = scanJson(text);
  if (topLevelKeys > TENSORS.most) {
    throw new CheckpointError(
      `Cannot read ${name}: it names ${topLevelKeys} tensors, at most ${TENSORS.most} are read`,
    );
  }
  const header = parseJsonText(text, name);
  if (!isJsonObject(header)) throw new CheckpointError(`Cannot read ${name}: it is not a JSON object`);
  if (topLevelKeys !== Object.keys(header).length) {
    throw new CheckpointError(`Cannot read ${name}: it names a tensor twice`);
  }
  const { __metadata__: metadata = {}, ...tensors } = header;
  const data = { source, offset: LENGTH_BYTES + headerBytes, size: source.size - LENGTH_BYTES - headerBytes };
  const weights = new Map(Object.entries(tensors).map(([tensor, entry]) => [tensor, parseEntry(entry, tensor, data)]));
  checkCoverage(weights, data);
  return { weights, metadata: parseMetadata(metadata, name) };
}

/** The section behind the header, from whose start data_offsets count. */
interface DataSection {
  readonly source: ByteSource;
  readonly offset: number;
  readonly size: number;
}

async function readHeaderLength(source: ByteSource): Promise<number> {
  if (source.size < LENGTH_BYTES) {
    throw new CheckpointError(
      `Cannot read "${source.name}": a safetensors file has at least ${LENGTH_BYTES} bytes, this one has ${source.size}`,
    );
  }
  const bytes = await source.read(0, LENGTH_BYTES);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(source.size - LENGTH_BYTES)) {
    throw new CheckpointError(
      `Cannot read "${source.name}": its header says ${length} bytes, the file has ${source.size - LENGTH_BYTES} left` +
        " (not a safetensors file, or a truncated one)",
    );
  }
  if (length > BigInt(HEADER.most)) {
    throw new CheckpointError(
      `Cannot read "${source.name}": its header has ${length} bytes, at most ${HEADER.most} are read`,
    );
  }
  return Number(length);
}

function parseEntry(entry: unknown, name: string, data: DataSection): Weight {
  const fail = (reason: string): CheckpointError =>
    new CheckpointError(`Cannot read tensor ${quote(name)} of "${data.source.name}": ${reason}`);
  if (!isJsonObject(entry)) throw fail("its entry is not a JSON object");
  const dtype = parseDtype(entry, fail);
  const shape = parseShape(entry, fail);
  const [begin, end] = parseOffsets(entry, fail);
  if (end > data.size) {
    throw fail(`its data_offsets [${begin}, ${end}] leave the data section of ${data.size} bytes`);
  }
  const expected = checkedElementCount(shape, fail) * DTYPES[dtype].bytes;
  if (end - begin !== expected) {
    throw fail(`${dtype} [${shape.join(", ")}] takes ${expected} bytes, its data_offsets span ${end - begin}`);
  }
  return { dtype, shape, span: { source: data.source, offset: data.offset + begin, length: end - begin } };
}

type Fail = (reason: string) => CheckpointError;

function parseDtype({ dtype }: { readonly dtype?: unknown }, fail: Fail): Dtype {
  if (typeof dtype === "string" && Object.hasOwn(DTYPES, dtype)) return dtype as Dtype;
  throw fail(`its dtype is ${quote(dtype)}, known are ${Object.keys(DTYPES).join(", ")}`);
}

function parseShape({ shape }: { readonly shape?: unknown }, fail: Fail): readonly number[] {
  if (!Array.isArray(shape)) throw fail(`its shape is ${quote(shape)}, not a list`);
  if (shape.length > DIMENSIONS.most) {
    throw fail(`its shape has ${shape.length} dimensions, at most ${DIMENSIONS.most} are read`);
  }
  const wrong = shape.findIndex((size) => !isCount(size));
  if (wrong >= 0) throw fail(`dimension ${wrong} of its shape is ${quote(shape[wrong])}, not a whole number from 0 up`);
  return shape;
}

function parseOffsets({ data_offsets: offsets }: { readonly data_offsets?: unknown }, fail: Fail): [number, number] {
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isCount(begin) || !isCount(end) || begin > end) {
    throw fail(`its data_offsets are ${quote(offsets)}, not two ascending whole numbers`);
  }
  return [begin, end];
}

/** Product of `shape`; refuses one whose size in bytes could not be counted exactly, also where a later size is 0. */
function checkedElementCount(shape: readonly number[], fail: Fail): number {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (count > Number.MAX_SAFE_INTEGER / 8)
      throw fail(`its shape [${shape.join(", ")}] has more elements than any file`);
  }
  return count;
}

/** The format allows neither overlaps nor holes: every byte of the data section belongs to exactly one tensor. */
function checkCoverage(weights: ReadonlyMap<string, Weight>, { source, offset, size }: DataSection): void {
  const begin = ({ span }: Weight): number => span.offset - offset;
  const inOrder = [...weights].sort(([, a], [, b]) => begin(a) - begin(b) || a.span.length - b.span.length);
  let covered = 0;
  let previous = "";
  for (const [name, weight] of inOrder) {
    if (begin(weight) < covered) {
      throw new CheckpointError(`Cannot read "${source.name}": tensors ${quote(previous)} and ${quote(name)} overlap`);
    }
    if (begin(weight) > covered) {
      throw new CheckpointError(
        `Cannot read "${source.name}": bytes ${covered} to ${begin(weight)} of its data belong to no tensor`,
      );
    }
    covered += weight.span.length;
    previous = name;
  }
  if (covered !== size) {
    throw new CheckpointError(`Cannot read "${source.name}": its tensors take ${covered} bytes, its data has ${size}`);
  }
}

function parseMetadata(metadata: unknown, name: string): Readonly<Record<string, string>> {
  if (!isJsonObject(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw new CheckpointError(`Cannot read ${name}: its __metadata__ is not an object of strings`);
  }
  return metadata as JsonObject & Record<string, string>;
}
