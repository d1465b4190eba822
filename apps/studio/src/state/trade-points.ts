import type { Variant } from "../engine/engine.ts";
import type { DoneEvaluation, LaneState, Pair } from "./run-state.ts";

/** A picture of one prompt and seed, with what it took and how close it is to the original. */
export interface TradePoint {
  readonly id: string;
  readonly name: string;
  readonly kind: "cache" | "fewer" | "preset";
  readonly variant: Variant;
  /** Whether its run had the place to itself and made no previews: only such times are compared with one another. */
  readonly isAlone: boolean;
  readonly seconds: number;
  readonly psnr: number;
  readonly pair: Pair;
}

/** What a variant is to a plot. */
export function kindOf({ preset, cache }: Variant): TradePoint["kind"] {
  if (preset !== undefined) return "preset";
  return cache === undefined || cache === "off" ? "fewer" : "cache";
}

/**
 * Seconds of a run whose evaluations take what is typical of their kind, full or cached: the first one after a network was
 * loaded takes longer, which says nothing about the setting.
 */
export function typicalSeconds({ evaluations }: Pick<LaneState, "evaluations">): number {
  const full = evaluations.filter((evaluation) => evaluation.full);
  const cached = evaluations.filter((evaluation) => !evaluation.full);
  return full.length * medianSeconds(full) + cached.length * medianSeconds(cached);
}

function medianSeconds(evaluations: readonly DoneEvaluation[]): number {
  const sorted = evaluations.map(({ seconds }) => seconds).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** The points with one more; a setting has one point, and a run on its own goes before one that took turns. */
export function withPoint(points: readonly TradePoint[], point: TradePoint): readonly TradePoint[] {
  const known = points.find(({ name }) => name === point.name);
  if (known?.isAlone === true && !point.isAlone) return points;
  return [...points.filter((each) => each !== known), point];
}

/** The points whose times may stand side by side: those of runs on their own, once there are any. */
export function comparable(points: readonly TradePoint[]): readonly TradePoint[] {
  const alone = points.filter(({ isAlone }) => isAlone);
  return alone.length === 0 ? points : alone;
}
