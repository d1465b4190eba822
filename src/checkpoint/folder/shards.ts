import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { isBelow } from "../files/paths.ts";
import type { Files } from "../files.ts";
import { type OpenCheckpointOptions, openCheckpoint } from "../open-checkpoint.ts";
import { isJsonObject } from "../text/json.ts";
import { readJsonFile } from "../text/json-file.ts";
import type { Weight, Weights } from "../weights.ts";
import type { WeightFiles } from "./weight-files.ts";

/** What may be done with a file of weights that cannot be used in place. */
export type WeightFileOptions = Omit<OpenCheckpointOptions, "at">;

/** The tensors of all files of a folder that `found` stands for. */
export async function readWeightFiles(
  files: Files,
  found: WeightFiles,
  options: WeightFileOptions = {},
): Promise<Weights> {
  const source = await files.open(found.name);
  switch (found.kind) {
    case "single":
      return (await openCheckpoint(source, options)).weights;
    case "sharded":
      return readShards(files, source, options);
  }
}

/** Reads every file that an index names and holds the index to what they contain. */
async function readShards(files: Files, index: ByteSource, options: WeightFileOptions): Promise<Weights> {
  const shardOf = await readIndex(index);
  const weights = new Map<string, Weight>();
  const foundIn = new Map<string, string>();
  for (const shard of new Set(shardOf.values())) {
    const { weights: held } = await openCheckpoint(await files.open(shard), options);
    for (const [name, weight] of held) {
      const other = foundIn.get(name);
      if (other !== undefined) {
        throw new CheckpointError(
          `Cannot read "${index.name}": tensor ${quote(name)} is in both ${quote(other)} and ${quote(shard)}`,
        );
      }
      weights.set(name, weight);
      foundIn.set(name, shard);
    }
  }
  for (const [name, shard] of shardOf) {
    if (foundIn.get(name) !== shard) {
      throw new CheckpointError(
        `Cannot read "${index.name}": it places tensor ${quote(name)} in ${quote(shard)}, which lacks it`,
      );
    }
  }
  return weights;
}

/** The files, by name, that an index spreads tensors over. */
export const shardNames = async (index: ByteSource): Promise<ReadonlySet<string>> =>
  new Set((await readIndex(index)).values());

async function readIndex(source: ByteSource): Promise<ReadonlyMap<string, string>> {
  const { weight_map: map } = (await readJsonFile(source)) as { readonly weight_map?: unknown };
  if (!isJsonObject(map))
    throw new CheckpointError(`Cannot read "${source.name}": its weight_map is not a JSON object`);
  const entries = Object.entries(map).map(([name, shard]): [string, string] => {
    if (typeof shard === "string" && isBelow(shard)) return [name, shard];
    throw new CheckpointError(
      `Cannot read "${source.name}": it places tensor ${quote(name)} in ${quote(shard)}, which is no file of this folder`,
    );
  });
  return new Map(entries);
}
