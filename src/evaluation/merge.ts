import { EvaluationError } from "./errors.ts";
import { REFERENCE, referenceFile } from "./measuring/feature-files.ts";
import { featureWidths } from "./measuring/set-measures.ts";
import { readJsonLines } from "./store/json-lines.ts";
import { featureFile, imageFile, parseResult, RESULTS, TIMINGS } from "./store/records.ts";
import { type EvaluationSettings, settingsDifferences } from "./store/settings.ts";
import type { Store } from "./store/store.ts";
import { runOrder, type Unit, unitsOf, type Workload } from "./workload/items.ts";

/** A shard that was evaluated: where it lies, for messages, and what it holds. */
export interface EvaluatedShard {
  readonly place: string;
  readonly store: Store;
  readonly settings: EvaluationSettings;
}

/** What a run without shards would have been asked for; refuses shards that are not one whole. */
export function joinedSettings(shards: readonly EvaluatedShard[]): EvaluationSettings {
  const [first, ...others] = shards;
  if (first === undefined) throw new RangeError("Cannot merge nothing: give the folders of the shards");
  const { shard: _, ...whole } = first.settings;
  for (const { place, settings } of others) {
    const { shard: _own, ...rest } = settings;
    const [difference] = settingsDifferences(whole, rest);
    if (difference !== undefined) {
      throw new EvaluationError(`Cannot merge "${place}" with "${first.place}": ${difference}`);
    }
  }
  const of = first.settings.shard?.of ?? 1;
  const found = shards.map(({ settings }) => settings.shard?.index ?? 1);
  for (const { place, settings } of shards) {
    if ((settings.shard?.of ?? 1) !== of) {
      throw new EvaluationError(
        `Cannot merge "${place}": it is one of ${settings.shard?.of ?? 1} shards, not of ${of}`,
      );
    }
  }
  const missing: number[] = []; // one more than are given is the first that can be missing
  for (let index = 1; index <= of && missing.length <= found.length; index++) {
    if (!found.includes(index)) missing.push(index);
  }
  if (missing.length > 0)
    throw new EvaluationError(`Cannot merge: of ${of} shards, number ${missing.join(", ")} is missing`);
  if (found.length > of)
    throw new EvaluationError(`Cannot merge: of ${of} shards, some are given twice (${found.join(", ")})`);
  return whole;
}

/** Writes to `target` what a run without shards would have written, in its order. */
export function mergeShards(shards: readonly EvaluatedShard[], target: Store): void {
  const settings = joinedSettings(shards);
  const [first] = shards;
  const outputs = first === undefined ? {} : featureWidths(first.store, first.settings);
  const workload: Workload = { ...settings, rows: [] };
  // What a merge left behind that failed or was killed is of no account.
  for (const name of [RESULTS, TIMINGS]) target.write(name, "");
  for (const output of Object.keys(outputs)) {
    for (const { name } of settings.policies) target.write(featureFile(output, name), "");
  }
  const sources = shards.map((shard) => ({
    ...shard,
    results: readJsonLines(shard.store, RESULTS),
    timings: readJsonLines(shard.store, TIMINGS),
    made: new Map(runOrder(settings.policies).map(({ name }) => [name, 0])),
  }));
  for (const unit of unitsOf(workload)) {
    const source = sources.find((shard) => unit.batch % shards.length === (shard.settings.shard?.index ?? 1) - 1);
    if (source === undefined) throw new EvaluationError(`Cannot merge: no shard has batch ${unit.batch}`);
    copyUnit(source, target, unit, outputs);
  }
  for (const output of Object.keys(outputs)) {
    for (const file of [featureFile(output, REFERENCE), referenceFile(output)]) {
      const bytes = first?.store.read(file);
      if (bytes !== undefined) target.write(file, bytes);
    }
  }
}

type Source = EvaluatedShard & {
  readonly results: ReturnType<typeof readJsonLines>;
  readonly timings: ReturnType<typeof readJsonLines>;
  readonly made: Map<string, number>;
};

function copyUnit(
  { place, store, results, timings, made }: Source,
  target: Store,
  unit: Unit,
  outputs: Readonly<Record<string, number>>,
) {
  const { name } = unit.policy;
  const copy = (file: string, from: string, begin: number, end: number): void => {
    const bytes = store.read(from, begin, end);
    if (bytes === undefined || bytes.length < end - begin) {
      throw new EvaluationError(
        `Cannot merge "${place}": its "${from}" is incomplete; run that shard to its end first`,
      );
    }
    target.append(file, bytes);
  };
  const before = made.get(name) ?? 0;
  made.set(name, before + unit.items.length);
  for (const { index } of unit.items) {
    const file = imageFile(name, index);
    const bytes = store.read(file);
    if (bytes === undefined)
      throw new EvaluationError(`Cannot merge "${place}": it has no "${file}"; run that shard to its end first`);
    target.write(file, bytes);
  }
  for (const [output, width] of Object.entries(outputs)) {
    const file = featureFile(output, name);
    copy(file, file, 4 * width * before, 4 * width * (before + unit.items.length));
  }
  const timing = timings.next();
  if (timing.done === true) throw unfinished(place, unit);
  copy(TIMINGS, TIMINGS, timing.value.begin, timing.value.end);
  for (const { index } of unit.items) {
    const line = results.next();
    if (line.done === true) throw unfinished(place, unit);
    const record = parseResult(line.value.value);
    if (record.index !== index || record.policy !== name) throw unfinished(place, unit);
    copy(RESULTS, RESULTS, line.value.begin, line.value.end);
  }
}

const unfinished = (place: string, { batch, policy }: Unit): EvaluationError =>
  new EvaluationError(
    `Cannot merge "${place}": batch ${batch} under "${policy.name}" is missing; run that shard to its end first`,
  );
