import { join } from "node:path";
import { CheckpointError } from "../errors.ts";
import type { JsonObject } from "../text/json.ts";
import { readJsonFile } from "../text/json-file.ts";
import { listFolder } from "./folder.ts";

/** The config.json of one network of a model; `folder` is the model's or the network's own. */
export async function readComponentConfig(folder: string, name: string): Promise<{ config: JsonObject; path: string }> {
  const names = await listFolder(folder, "the model");
  const path = names.has(name) ? join(folder, name, "config.json") : join(folder, "config.json");
  if (!names.has(name) && !names.has("config.json")) {
    throw new CheckpointError(`Cannot read the model "${folder}": it has neither a folder "${name}" nor a config.json`);
  }
  return { config: await readJsonFile(path), path };
}
