import { CheckpointError } from "../errors.ts";
import { filesOf } from "../files/place.ts";
import type { FolderLike } from "../files.ts";
import type { JsonObject } from "../text/json.ts";
import { readJsonFile } from "../text/json-file.ts";
import { unwrapped } from "../unwrapped.ts";
import type { Weights } from "../weights.ts";
import { readWeightFiles, type WeightFileOptions } from "./shards.ts";
import { findWeightFiles } from "./weight-files.ts";

/** One network of a diffusers or transformers model: its settings and where its tensors lie. */
export interface Component {
  /** config.json as it is on disk: published configs leave out what equals the reference's defaults. */
  readonly config: JsonObject;
  /** What messages call it; on disk, its path. */
  readonly configPath: string;
  readonly weights: Weights;
}

/** How a network's folder is opened. */
export interface ComponentOptions extends WeightFileOptions {
  /** Read only the files published under this variant, such as "fp16" or "non_ema". */
  readonly variant?: string | undefined;
}

/** Opens the folder of one network, for example `unet/`; which file is read is settled by `findWeightFiles`. */
export async function openComponent(folder: FolderLike, options: ComponentOptions = {}): Promise<Component> {
  const files = filesOf(folder);
  const names = await files.list("the component");
  if (!names.has("config.json")) {
    throw new CheckpointError(`Cannot read the component "${files.name}": it has no config.json`);
  }
  const source = await files.open("config.json");
  const config = await readJsonFile(source);
  const weights = await readWeightFiles(files, findWeightFiles(files.name, names, options.variant), options);
  return { config, configPath: source.name, weights: unwrapped(weights) };
}
