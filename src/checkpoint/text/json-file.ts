import type { ByteSource } from "../bytes/byte-source.ts";
import { CheckpointError } from "../errors.ts";
import { decodeUtf8, isJsonObject, type JsonObject, parseJsonText } from "./json.ts";
import { strictJson } from "./python-json.ts";

/** Configs take kilobytes, the index of a sharded model of ten thousand tensors about a megabyte. */
export const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** Reads a small file of JSON whose outermost value is an object. */
export async function readJsonFile(source: ByteSource): Promise<JsonObject> {
  const name = `"${source.name}"`;
  const value = parseJsonText(strictJson(decodeUtf8(await readSmallFile(source), name)), name);
  if (!isJsonObject(value)) throw new CheckpointError(`Cannot read "${source.name}": it is not a JSON object`);
  return value;
}

/** Reads a whole file, refusing one that is too large to be text about a model. */
export async function readSmallFile(source: ByteSource): Promise<Uint8Array> {
  const { name, size } = source;
  if (size > MAX_JSON_BYTES) {
    throw new CheckpointError(`Cannot read "${name}": it has ${size} bytes, at most ${MAX_JSON_BYTES} are read`);
  }
  return source.read(0, size);
}
