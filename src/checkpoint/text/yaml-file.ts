import { LIMITS } from "../../errors/limits.ts";
import { CheckpointError } from "../errors.ts";
import { sourceOf } from "../files/place.ts";
import type { FileLike } from "../files.ts";
import { decodeUtf8, isJsonObject, type JsonObject } from "./json.ts";

const { bytes: BYTES, aliases: ALIASES } = LIMITS.yaml;

/** Reads a YAML file of an original repository, such as v1-inference.yaml, whose outermost value is a mapping. */
export async function readYamlFile(file: FileLike): Promise<JsonObject> {
  const source = await sourceOf(file);
  const { name, size } = source;
  if (size > BYTES.most) {
    throw new CheckpointError(`Cannot read "${name}": it has ${size} bytes, at most ${BYTES.most} are read`);
  }
  const value = await parseYaml(decodeUtf8(await source.read(0, size), `"${name}"`), name);
  if (!isJsonObject(value)) throw new CheckpointError(`Cannot read "${name}": it is not a YAML mapping`);
  return value;
}

/** The core schema only, so that tags mean nothing; aliases are counted, so that they cannot multiply. */
async function parseYaml(text: string, name: string): Promise<unknown> {
  const { parseDocument } = await import("yaml"); // few models come with such a file
  try {
    const document = parseDocument(text, { schema: "core", logLevel: "silent" });
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS({ maxAliasCount: ALIASES.most });
  } catch (cause) {
    if (cause instanceof ReferenceError) {
      throw new CheckpointError(`Cannot read "${name}": it uses aliases too often, at most ${ALIASES.most} are read`);
    }
    if (cause instanceof RangeError) throw new CheckpointError(`Cannot read "${name}": it is nested too deeply`);
    throw new CheckpointError(`Cannot read "${name}": it is not YAML`, { cause });
  }
}
