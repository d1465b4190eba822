import { LIMITS } from "../../errors/limits.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { CheckpointError } from "../errors.ts";
import { decodeUtf8, isJsonObject, type JsonObject, parseJsonText } from "./json.ts";
import { strictJson } from "./python-json.ts";

const { bytes: BYTES } = LIMITS.json;

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
  if (size > BYTES.most) {
    throw new CheckpointError(`Cannot read "${name}": it has ${size} bytes, at most ${BYTES.most} are read`);
  }
  return source.read(0, size);
}
