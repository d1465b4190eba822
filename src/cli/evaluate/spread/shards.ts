import { rmSync } from "node:fs";
import { join } from "node:path";
import { isBelow } from "../../../checkpoint/files/paths.ts";
import type { EvaluatedShard } from "../../../evaluation/merge.ts";
import { readJsonLines } from "../../../evaluation/store/json-lines.ts";
import { RESULTS } from "../../../evaluation/store/records.ts";
import {
  type EvaluationSettings,
  readSettings,
  SETTINGS,
  settingsDifferences,
} from "../../../evaluation/store/settings.ts";
import type { Store } from "../../../evaluation/store/store.ts";
import { folderStore } from "../../../evaluation/store/stores/folder.ts";
import type { Shard } from "../../../evaluation/workload/items.ts";
import type { Prompt } from "../../../evaluation/workload/prompts.ts";
import type { EvaluationFlags } from "../../flags/evaluation-flags.ts";
import { UsageError } from "../../flags/usage.ts";
import type { Settled } from "../../settle-precision.ts";
import { keepSettings } from "../evaluation-settings.ts";

/** An evaluation whose shards are to be made by others. */
export interface SpreadRequest {
  readonly flags: Settled<EvaluationFlags>;
  readonly redis: string;
  readonly prompts: readonly Prompt[];
  readonly settings: EvaluationSettings;
  /** Of the evaluation as a whole. */
  readonly store: Store;
  readonly signal: AbortSignal;
}

/** What a worker has made of a shard: its files by their names. */
export interface MadeShard {
  readonly files: Readonly<Record<string, Uint8Array>>;
}

const SHARDS = "shards";

/** Whether a folder holds all of an evaluation; refuses one that was begun in another way. */
export function isEvaluated(store: Store, settings: EvaluationSettings, folder: string): boolean {
  if (readSettings(store) === undefined) return false;
  keepSettings(store, settings, folder);
  const held = [...readJsonLines(store, RESULTS)].length;
  if (held === settings.count * settings.policies.length) return true;
  throw new UsageError(`Cannot go on in "${folder}" with --redis: it was begun without; give another --output`);
}

/** The place of a shard until all are there; nothing else is kept there. */
export function shardAt(output: string, { index, of }: Shard): { readonly place: string; readonly store: Store } {
  const place = join(output, SHARDS, `${index}-of-${of}`);
  return { place, store: folderStore(place) };
}

/** A shard that was made before; nothing where it was not, or with other settings. */
export function heldShard(output: string, shard: Shard, whole: EvaluationSettings): EvaluatedShard | undefined {
  const at = shardAt(output, shard);
  const settings = readSettings(at.store);
  if (settings === undefined || settingsDifferences(settings, { ...whole, shard }).length > 0) return undefined;
  return { ...at, settings };
}

/** Writes what a worker has made of a shard; its settings come last, as a sign that it is whole. */
export function keepShard(
  output: string,
  shard: Shard,
  { files }: MadeShard,
  whole: EvaluationSettings,
): EvaluatedShard {
  const { store } = shardAt(output, shard);
  const names = Object.keys(files);
  const odd = names.find((name) => !isBelow(name));
  if (odd !== undefined) throw new Error(`Cannot keep ${JSON.stringify(odd)}: a file of a shard lies in its folder`);
  for (const name of names) if (name !== SETTINGS) store.write(name, files[name] ?? "");
  store.write(SETTINGS, files[SETTINGS] ?? "");
  const held = heldShard(output, shard, whole);
  if (held === undefined) throw new Error(`Cannot use shard ${shard.index}/${shard.of}: a worker made it otherwise`);
  return held;
}

/** Removes the shards of a folder, which are of no use any more. */
export const removeShards = (output: string): void => rmSync(join(output, SHARDS), { recursive: true, force: true });
