import type { CachePolicy } from "../../deepcache/policies.ts";
import type { Precision } from "../../runtime/precision.ts";
import type { Prompt } from "./prompts.ts";

/** One way to make the images: a cache, another sampler or another number of steps. */
export interface EvaluatedPolicy {
  /** As it was asked for, such as "uniform:3:0". */
  readonly name: string;
  readonly cache: CachePolicy;
  readonly sampler?: string | undefined;
  readonly steps?: number | undefined;
  /** The timesteps themselves, highest first, in place of the sampler's own. */
  readonly timesteps?: readonly number[] | undefined;
  /** What the U-Net is computed in, where it is not as the evaluation's flags have it. */
  readonly precision?: Precision | undefined;
  /** The file of a profile that all this comes from. */
  readonly profile?: string | undefined;
}

/** One image to make under every policy, from the same noise. */
export interface Item {
  readonly index: number;
  readonly seed: number;
  /** Which of the prompts or classes it shows; nothing for models that take no condition. */
  readonly row?: number;
  /** Prompt or class in words. */
  readonly text: string;
  readonly category?: string;
}

/** A batch of items, made under one policy: the unit in which work is done, recorded and taken up again. */
export interface Unit {
  readonly batch: number;
  readonly policy: EvaluatedPolicy;
  readonly items: readonly Item[];
}

/** Every `of`-th batch, beginning with number `index` from 1. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** What there is to make. */
export interface Workload {
  /** Prompts or classes, taken in turn; none for models that take no condition. */
  readonly rows: readonly Prompt[];
  readonly count: number;
  /** Image i starts from this seed + i. */
  readonly seed: number;
  /** Images per batch; batches are the same in every shard, since the last bits of a result may depend on them. */
  readonly batch: number;
  readonly policies: readonly EvaluatedPolicy[];
  readonly shard?: Shard | undefined;
}

/** The policy that the others are compared with: no cache, and steps, sampler and precision as the evaluation has them. */
export const isBaseline = ({ cache, sampler, steps, precision }: EvaluatedPolicy): boolean =>
  cache.kind === "off" && sampler === undefined && steps === undefined && precision === undefined;

/** The name of the baseline among `policies`, where it is there. */
export const baselineName = (policies: readonly EvaluatedPolicy[]): string | undefined =>
  policies.find(isBaseline)?.name;

/** Item `index` of a workload. */
export function itemAt({ rows, seed }: Pick<Workload, "rows" | "seed">, index: number): Item {
  const item = { index, seed: seed + index };
  if (rows.length === 0) return { ...item, text: "" };
  const row = index % rows.length;
  return { ...item, row, ...(rows[row] ?? { text: "" }) };
}

/** All units in the order in which they are done: policies take turns batch by batch, the baseline first. */
export function* unitsOf(workload: Workload): Generator<Unit> {
  const { count, batch: size, policies, shard = { index: 1, of: 1 } } = workload;
  const ordered = runOrder(policies);
  for (let batch = shard.index - 1; batch * size < count; batch += shard.of) {
    const length = Math.min(size, count - batch * size);
    const items = Array.from({ length }, (_, i) => itemAt(workload, batch * size + i));
    for (const policy of ordered) yield { batch, policy, items };
  }
}

/** How many images of a workload are made under every policy. */
export function imagesOf({ count, batch, shard = { index: 1, of: 1 } }: Omit<Workload, "rows" | "policies">): number {
  let images = 0;
  for (let i = shard.index - 1; i * batch < count; i += shard.of) images += Math.min(batch, count - i * batch);
  return images;
}

/** Policies as they take turns: the baseline first, because the others are compared with its images. */
export const runOrder = (policies: readonly EvaluatedPolicy[]): readonly EvaluatedPolicy[] => [
  ...policies.filter(isBaseline),
  ...policies.filter((policy) => !isBaseline(policy)),
];
