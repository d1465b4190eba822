import { quote } from "../../checkpoint/bytes/limits.ts";
import { isJsonObject } from "../../checkpoint/text/json.ts";
import type { GenerationResult, PhaseSeconds } from "../../pipelines/run/events.ts";
import { EvaluationError } from "../errors.ts";
import type { Unit } from "../workload/items.ts";

/** Files of an evaluation. */
export const RESULTS = "results.jsonl";
export const TIMINGS = "timings.jsonl";

/** What is recorded of one image under one policy; nothing in it was measured with a clock. */
export interface ResultRecord {
  readonly index: number;
  readonly prompt: string;
  readonly category?: string;
  readonly seed: number;
  readonly policy: string;
  /** Operations of denoising, for this image. */
  readonly macs: number;
  /** Full-step equivalents. */
  readonly fse: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** How long one batch took under one policy. */
export interface TimingRecord {
  readonly batch: number;
  readonly policy: string;
  readonly images: number;
  readonly sampler: string;
  readonly steps: number;
  /** Indices of the evaluations that were full. */
  readonly full: readonly number[];
  readonly seconds: PhaseSeconds;
  /** Of every evaluation. */
  readonly evaluationSeconds: readonly number[];
}

/** The file of one image. */
export const imageFile = (policy: string, index: number): string => `images/${fileName(policy)}/${index}.png`;

/** The file of one output of a feature network, for all images of a policy: float32, one vector after the other. */
export const featureFile = (output: string, policy: string): string =>
  `features/${fileName(output)}/${fileName(policy)}.f32`;

/** A name that every file system takes. */
const fileName = (name: string): string => name.replaceAll(/[^\w.=-]+/g, "-");

/** Refuses policies that would share files. */
export function checkFileNames(policies: readonly string[]): void {
  const taken = new Map<string, string>();
  for (const policy of policies) {
    const other = taken.get(fileName(policy));
    if (other !== undefined) throw new RangeError(`Cannot evaluate both "${other}" and "${policy}": they are the same`);
    taken.set(fileName(policy), policy);
  }
}

/** The records of a unit's images. */
export function resultRecords(
  { items, policy }: Unit,
  { macs, fse }: Pick<GenerationResult, "macs" | "fse">,
  values: Readonly<Record<string, readonly number[] | undefined>>,
): ResultRecord[] {
  return items.map(({ index, text, category, seed }, i) => ({
    index,
    prompt: text,
    ...(category === undefined ? {} : { category }),
    seed,
    policy: policy.name,
    macs: macs.total / items.length,
    fse,
    metrics: Object.fromEntries(
      Object.entries(values).flatMap(([name, each]) => (each?.[i] === undefined ? [] : [[name, each[i]]])),
    ),
  }));
}

/** A line of results.jsonl as a record. */
export function parseResult(value: unknown): ResultRecord {
  if (
    isJsonObject(value) &&
    isJsonObject(value["metrics"]) &&
    Object.values(value["metrics"]).every((measured) => typeof measured === "number") &&
    ["index", "seed", "macs", "fse"].every((name) => typeof value[name] === "number") &&
    ["prompt", "policy"].every((name) => typeof value[name] === "string")
  ) {
    return value as unknown as ResultRecord;
  }
  throw new EvaluationError(`Cannot read a result from ${quote(value)}: it was not written by an evaluation`);
}

/** A line of timings.jsonl as a record. */
export function parseTiming(value: unknown): TimingRecord {
  if (
    isJsonObject(value) &&
    isJsonObject(value["seconds"]) &&
    Object.values(value["seconds"]).every((seconds) => typeof seconds === "number") &&
    ["full", "evaluationSeconds"].every((name) => isNumbers(value[name])) &&
    ["batch", "images", "steps"].every((name) => typeof value[name] === "number") &&
    ["policy", "sampler"].every((name) => typeof value[name] === "string")
  ) {
    return value as unknown as TimingRecord;
  }
  throw new EvaluationError(`Cannot read a timing from ${quote(value)}: it was not written by an evaluation`);
}

const isNumbers = (value: unknown): boolean =>
  Array.isArray(value) && value.every((number) => typeof number === "number");
