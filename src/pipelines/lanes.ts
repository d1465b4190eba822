import { branchOf, type CachePolicy } from "../deepcache/policies.ts";
import type { PresetName } from "./presets.ts";
import type { PipelineEvent } from "./run/events.ts";
import type { RunOptions } from "./run/run-options.ts";

/** What runs of one comparison may differ in; everything else they have in common, the seed as well. */
export interface LaneOptions extends Pick<RunOptions, "cache" | "speedup" | "steps" | "sampler"> {
  /** Instead of the others; whoever knows the model replaces it by them. */
  readonly preset?: PresetName | undefined;
}

/** A clock of one run among several: it stands still while others have their turn. */
export interface LaneClock {
  now(): number;
  resume(): void;
  pause(): void;
}

/** A clock that stands still until it is told to go on. */
export function laneClock(now: () => number): LaneClock {
  let [counted, since]: [number, number | undefined] = [0, undefined];
  return {
    now: () => counted + (since === undefined ? 0 : now() - since),
    resume() {
      since = now();
    },
    pause() {
      if (since !== undefined) counted += now() - since;
      since = undefined;
    },
  };
}

/** One run of a comparison, and its clock. */
export interface Lane {
  readonly events: AsyncGenerator<PipelineEvent, void>;
  readonly clock: LaneClock;
}

/**
 * The events of several runs with their lanes' numbers: one evaluation of each run, then the next of each. With `taking` "whole
 * runs", one run after another.
 */
export async function* inLanes(
  lanes: readonly Lane[],
  taking: "evaluations" | "whole runs",
): AsyncGenerator<PipelineEvent, void> {
  const going = new Map(lanes.entries());
  try {
    while (going.size > 0) {
      for (const [lane, { events, clock }] of [...going]) {
        for (let turn = true; turn; ) {
          clock.resume();
          const { done, value } = await events.next();
          clock.pause();
          if (done === true) going.delete(lane);
          else yield { ...value, lane };
          turn = done !== true && (taking === "whole runs" || value.type !== "evaluation");
        }
      }
    }
  } finally {
    for (const { events } of going.values()) await events.return();
  }
}

/** Where runs under `policies` can share a network that is cut once: the branch, and whether it has to forecast. */
export function sharedCut(
  policies: readonly CachePolicy[],
): { readonly cutAt: number | undefined; readonly forecasting: boolean } | undefined {
  const [cutAt, ...others] = new Set(policies.map(branchOf).filter((branch) => branch !== undefined));
  return others.length > 0 ? undefined : { cutAt, forecasting: policies.some((policy) => "forecast" in policy) };
}
