import { parseDocument } from "yaml";
import { CheckpointError } from "../errors.ts";
import { sourceOf } from "../files/place.ts";
import type { FileLike } from "../files.ts";
import { decodeUtf8, isJsonObject, type JsonObject } from "./json.ts";
import { readSmallFile } from "./json-file.ts";

/** The original repositories' YAML files have two kilobytes. */
const MAX_YAML_BYTES = 1024 * 1024;

/** Reads a YAML file of an original repository, such as v1-inference.yaml, whose outermost value is a mapping. */
export async function readYamlFile(file: FileLike): Promise<JsonObject> {
  const source = await sourceOf(file);
  const bytes = await readSmallFile(source);
  const { name } = source;
  if (bytes.length > MAX_YAML_BYTES) {
    throw new CheckpointError(
      `Cannot read "${name}": it has ${bytes.length} bytes, at most ${MAX_YAML_BYTES} are read`,
    );
  }
  const value = parseYaml(decodeUtf8(bytes, `"${name}"`), name);
  if (!isJsonObject(value)) throw new CheckpointError(`Cannot read "${name}": it is not a YAML mapping`);
  return value;
}

/** The core schema only, so that tags mean nothing; aliases are counted, so that they cannot multiply. */
function parseYaml(text: string, name: string): unknown {
  try {
    const document = parseDocument(text, { schema: "core", logLevel: "silent" });
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new CheckpointError(`Cannot read "${name}": it is not YAML`, { cause });
  }
}
