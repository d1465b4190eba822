import { parse } from "yaml";
import { CheckpointError } from "./errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { readSmallFile } from "./json-file.ts";

/** Configs take kilobytes, and YAML takes far more memory than text. */
const MAX_YAML_BYTES = 1024 * 1024;

/** Reads a small file of YAML whose outermost value is a mapping. */
export async function readYamlFile(path: string): Promise<JsonObject> {
  const bytes = await readSmallFile(path);
  if (bytes.length > MAX_YAML_BYTES) {
    throw new CheckpointError(
      `Cannot read "${path}": it has ${bytes.length} bytes, at most ${MAX_YAML_BYTES} of YAML are read`,
    );
  }
  let value: unknown;
  try {
    value = parse(new TextDecoder().decode(bytes), { logLevel: "error" });
  } catch (cause) {
    throw new CheckpointError(`Cannot read "${path}": it is not YAML`, { cause });
  }
  if (!isJsonObject(value)) throw new CheckpointError(`Cannot read "${path}": it is not a YAML mapping`);
  return value;
}
