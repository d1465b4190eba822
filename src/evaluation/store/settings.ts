import { quote } from "../../checkpoint/bytes/limits.ts";
import { isJsonObject, parseJson } from "../../checkpoint/text/json.ts";
import { parsePolicy } from "../../deepcache/policies.ts";
import { LIMITS } from "../../errors/limits.ts";
import { EvaluationError } from "../errors.ts";
import { isMeasureName, type MeasureName } from "../measures.ts";
import type { EvaluatedPolicy, Shard } from "../workload/items.ts";
import type { Store } from "./store.ts";

export const SETTINGS = "settings.json";

/** Everything that decides the results of an evaluation, as settings.json holds it. */
export interface EvaluationSettings {
  /** Of the files that an evaluation writes. */
  readonly format: 1;
  readonly version: string;
  /** Images per policy, over all shards. */
  readonly count: number;
  readonly batch: number;
  readonly seed: number;
  /** Prompts or classes: how many there are, and a digest of them. */
  readonly rows: { readonly count: number; readonly sha256: string };
  readonly policies: readonly EvaluatedPolicy[];
  readonly metrics: readonly MeasureName[];
  readonly shard?: Shard | undefined;
  /** The other flags that were given: model, sampler, weights of metrics, reference. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

const FORMAT = 1;

/** The settings of the evaluation that a store holds; nothing where it holds none. */
export function readSettings(store: Store): EvaluationSettings | undefined {
  const bytes = store.read(SETTINGS);
  if (bytes === undefined) return undefined;
  return settingsIn(parseJson(bytes, `"${SETTINGS}"`));
}

/** Parsed JSON as the settings of an evaluation. */
export function settingsIn(value: unknown): EvaluationSettings {
  if (!isSettings(value))
    throw new EvaluationError(`Cannot read "${SETTINGS}": it does not hold an evaluation's settings`);
  checkCounts(value);
  return { ...value, policies: value.policies.map((policy) => ({ ...policy, cache: cacheOf(policy) })) };
}

function cacheOf({ name, cache }: EvaluatedPolicy): EvaluatedPolicy["cache"] {
  try {
    return parsePolicy(cache);
  } catch (cause) {
    throw new EvaluationError(`Cannot read "${SETTINGS}": its policy ${quote(name)} is none`, { cause });
  }
}

const { images: IMAGES, batch: BATCH, shards: SHARDS } = LIMITS.evaluation;

/** Refuses by name counts that work without end would follow from. */
function checkCounts(value: unknown): void {
  if (!isJsonObject(value)) return;
  const { count, batch, seed, shard } = value;
  const { index, of } = isJsonObject(shard) ? shard : { index: 1, of: 1 };
  const check = (field: string, found: unknown, most: number, least = 1): void => {
    if (Number.isSafeInteger(found) && Number(found) >= least && Number(found) <= most) return;
    throw new EvaluationError(
      `Cannot read "${SETTINGS}": "${field}" is ${quote(found)} where a whole number from ${least} to ${most} is required`,
    );
  };
  check("count", count, IMAGES.most);
  check("batch", batch, BATCH.most);
  check("seed", seed, Number.MAX_SAFE_INTEGER, 0);
  check("shard.of", of, SHARDS.most);
  check("shard.index", index, Number(of));
}

function isSettings(value: unknown): value is EvaluationSettings {
  if (!isJsonObject(value)) return false;
  const { format, version, rows, policies, metrics, options } = value;
  return (
    format === FORMAT &&
    typeof version === "string" &&
    isJsonObject(rows) &&
    isJsonObject(options) &&
    Array.isArray(policies) &&
    policies.every((policy) => isJsonObject(policy) && typeof policy["name"] === "string") &&
    Array.isArray(metrics) &&
    metrics.every((name) => typeof name === "string" && isMeasureName(name))
  );
}

export function writeSettings(store: Store, settings: EvaluationSettings): void {
  store.write(SETTINGS, `${JSON.stringify(settings, null, 2)}\n`);
}

/** What differs between two settings, in words; the order of keys is of no account. */
export function settingsDifferences(there: EvaluationSettings, asked: EvaluationSettings): string[] {
  const [old, fresh] = [flatten(there), flatten(asked)];
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((key) => old.get(key) !== fresh.get(key))
    .map((key) => `${key} is ${old.get(key) ?? "not given"} there and ${fresh.get(key) ?? "not given"} here`);
}

/** The leaves of plain data by their paths, policies by name. */
function flatten(value: unknown, path = "", leaves = new Map<string, string>()): Map<string, string> {
  if (value === undefined) return leaves;
  const isList = Array.isArray(value);
  if (isList && value.every((item) => isJsonObject(item) && "name" in item)) {
    leaves.set(path, value.map((item) => JSON.stringify(item.name)).join(", "));
    for (const item of value) flatten({ ...item, name: undefined }, `${path}[${item.name}]`, leaves);
  } else if (isJsonObject(value)) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, pathOf(path, key), leaves);
  } else {
    leaves.set(path, JSON.stringify(value));
  }
  return leaves;
}

const pathOf = (path: string, key: string): string => (path === "" || path === "options" ? key : `${path}.${key}`);
