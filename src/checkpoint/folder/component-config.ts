import { CheckpointError } from "../errors.ts";
import { filesOf } from "../files/place.ts";
import type { FolderLike } from "../files.ts";
import type { JsonObject } from "../text/json.ts";
import { readJsonFile } from "../text/json-file.ts";

/** The config.json of one network of a model; `folder` is the model's or the network's own. */
export async function readComponentConfig(
  folder: FolderLike,
  name: string,
): Promise<{ config: JsonObject; path: string }> {
  const files = filesOf(folder);
  const names = await files.list("the model");
  if (!names.has(name) && !names.has("config.json")) {
    throw new CheckpointError(
      `Cannot read the model "${files.name}": it has neither a folder "${name}" nor a config.json`,
    );
  }
  const source = await files.open(names.has(name) ? `${name}/config.json` : "config.json");
  return { config: await readJsonFile(source), path: source.name };
}
