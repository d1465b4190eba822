import { fileSource } from "../bytes/byte-sources/file.ts";
import { CheckpointError } from "../errors.ts";
import { isJsonObject, type JsonObject, parseJson } from "./json.ts";

/** Configs take kilobytes, the index of a sharded model of ten thousand tensors about a megabyte. */
export const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** Reads a small file of JSON whose outermost value is an object. */
export async function readJsonFile(path: string): Promise<JsonObject> {
  const value = parseJson(await readSmallFile(path), `"${path}"`);
  if (!isJsonObject(value)) throw new CheckpointError(`Cannot read "${path}": it is not a JSON object`);
  return value;
}

/** Reads a whole file, refusing one that is too large to be text about a model. */
export async function readSmallFile(path: string): Promise<Uint8Array> {
  const source = await fileSource(path);
  if (source.size > MAX_JSON_BYTES) {
    throw new CheckpointError(`Cannot read "${path}": it has ${source.size} bytes, at most ${MAX_JSON_BYTES} are read`);
  }
  return source.read(0, source.size);
}
