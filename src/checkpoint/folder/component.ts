import { join } from "node:path";
import { CheckpointError } from "../errors.ts";
import type { JsonObject } from "../text/json.ts";
import { readJsonFile } from "../text/json-file.ts";
import type { Weights } from "../weights.ts";
import { listFolder } from "./folder.ts";
import { readWeightFiles, type WeightFileOptions } from "./shards.ts";
import { findWeightFiles } from "./weight-files.ts";

/** One network of a diffusers or transformers model: its settings and where its tensors lie. */
export interface Component {
  /** config.json as it is on disk: published configs leave out what equals the reference's defaults. */
  readonly config: JsonObject;
  readonly configPath: string;
  readonly weights: Weights;
}

/** How a network's folder is opened. */
export interface ComponentOptions extends WeightFileOptions {
  /** Read only the files published under this variant, such as "fp16" or "non_ema". */
  readonly variant?: string | undefined;
}

/** Opens the folder of one network, for example `unet/`; which file is read is settled by `findWeightFiles`. */
export async function openComponent(folder: string, options: ComponentOptions = {}): Promise<Component> {
  const names = await listFolder(folder, "the component");
  const configPath = join(folder, "config.json");
  if (!names.has("config.json"))
    throw new CheckpointError(`Cannot read the component "${folder}": it has no config.json`);
  const config = await readJsonFile(configPath);
  const weights = await readWeightFiles(folder, findWeightFiles(folder, names, options.variant), options);
  return { config, configPath, weights };
}
