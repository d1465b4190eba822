import { isAbsolute, join, relative, sep } from "node:path";
import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { type OpenCheckpointOptions, openCheckpoint } from "../open-checkpoint.ts";
import { isJsonObject } from "../text/json.ts";
import { readJsonFile } from "../text/json-file.ts";
import type { Weight, Weights } from "../weights.ts";
import type { WeightFiles } from "./weight-files.ts";

/** What may be done with a file of weights that cannot be used in place. */
export type WeightFileOptions = Omit<OpenCheckpointOptions, "at">;

/** The tensors of all files that `files` stands for. */
export async function readWeightFiles(
  folder: string,
  files: WeightFiles,
  options: WeightFileOptions = {},
): Promise<Weights> {
  const path = join(folder, files.name);
  switch (files.kind) {
    case "single":
      return (await openCheckpoint(path, options)).weights;
    case "sharded":
      return readShards(folder, path, options);
  }
}

/** Reads every file that an index names and holds the index to what they contain. */
async function readShards(folder: string, indexPath: string, options: WeightFileOptions): Promise<Weights> {
  const shardOf = await readIndex(folder, indexPath);
  const weights = new Map<string, Weight>();
  const foundIn = new Map<string, string>();
  for (const shard of new Set(shardOf.values())) {
    const { weights: held } = await openCheckpoint(join(folder, shard), options);
    for (const [name, weight] of held) {
      const other = foundIn.get(name);
      if (other !== undefined) {
        throw new CheckpointError(
          `Cannot read "${indexPath}": tensor ${quote(name)} is in both ${quote(other)} and ${quote(shard)}`,
        );
      }
      weights.set(name, weight);
      foundIn.set(name, shard);
    }
  }
  for (const [name, shard] of shardOf) {
    if (foundIn.get(name) !== shard) {
      throw new CheckpointError(
        `Cannot read "${indexPath}": it places tensor ${quote(name)} in ${quote(shard)}, which lacks it`,
      );
    }
  }
  return weights;
}

async function readIndex(folder: string, path: string): Promise<ReadonlyMap<string, string>> {
  const { weight_map: map } = (await readJsonFile(path)) as { readonly weight_map?: unknown };
  if (!isJsonObject(map)) throw new CheckpointError(`Cannot read "${path}": its weight_map is not a JSON object`);
  const entries = Object.entries(map).map(([name, shard]): [string, string] => {
    if (typeof shard === "string" && isInside(folder, shard)) return [name, shard];
    throw new CheckpointError(
      `Cannot read "${path}": it places tensor ${quote(name)} in ${quote(shard)}, which is no file of this folder`,
    );
  });
  return new Map(entries);
}

/** Compares names only: in the Hugging Face cache every file is a link that leaves its folder. */
function isInside(folder: string, name: string): boolean {
  if (name === "" || name.includes("\0") || name.includes("\\") || isAbsolute(name)) return false;
  const path = relative(folder, join(folder, name));
  return path !== "" && path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
