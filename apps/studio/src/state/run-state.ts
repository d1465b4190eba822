import type { Picture, RunEvent, RunResult, TotalProgress } from "../engine/engine.ts";
import type { Form } from "./form.ts";
import type { Closeness } from "./pixels.ts";

/** An evaluation that is done. */
export interface DoneEvaluation {
  readonly full: boolean;
  readonly seconds: number;
}

/** One of the two runs of a pair, as far as it has come. */
export interface LaneState {
  readonly name: string;
  /** The newest picture: a preview until there is a result. */
  readonly image?: Blob | undefined;
  readonly evaluations: readonly DoneEvaluation[];
  /** Of the whole run; 0 where that is not known yet. */
  readonly count: number;
  readonly picture?: Picture | undefined;
  readonly result?: Pick<RunResult, "full" | "evaluations" | "speedup" | "seconds" | "sampler" | "steps"> | undefined;
}

/** Original and accelerated run of one form. */
export interface Pair {
  readonly form: Form;
  readonly lanes: readonly [LaneState, LaneState];
  /** Of the accelerated picture to the original; none before both are there. */
  readonly closeness?: Closeness | undefined;
  /** Where it was not made in this visit. */
  readonly from?: "example" | "history" | undefined;
}

/** A file on its way. */
export interface FileProgress {
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
}

/** What the studio is doing. */
export type Status =
  | { readonly kind: "empty" }
  | {
      readonly kind: "opening";
      readonly says: string;
      readonly files: readonly FileProgress[];
      /** Of all files, where that is known. */
      readonly all?: TotalProgress | undefined;
      /** When it began, and when bytes last came, in milliseconds since 1970. */
      readonly since: number;
      readonly heard: number;
    }
  | { readonly kind: "running"; readonly says: string }
  | { readonly kind: "done" }
  | { readonly kind: "stopped"; readonly done: number; readonly of: number }
  | { readonly kind: "error"; readonly message: string; readonly code?: string | undefined };

/** A lane before its first evaluation. */
export const emptyLane = (name: string): LaneState => ({ name, evaluations: [], count: 0 });

/** Evaluations done and in all, of both runs. */
export function progressOf({ lanes }: Pair): { readonly done: number; readonly of: number } {
  const known = Math.max(...lanes.map(({ count }) => count));
  return {
    done: lanes.reduce((sum, { evaluations }) => sum + evaluations.length, 0),
    of: lanes.reduce((sum, { count }) => sum + (count === 0 ? known : count), 0),
  };
}

/** Seconds until both runs are done, from what full and cached evaluations have taken so far; none before two are done. */
export function secondsLeft(pair: Pair): number | undefined {
  const { done } = progressOf(pair);
  if (done < 2) return undefined;
  const full = pair.lanes.flatMap(({ evaluations }) => evaluations.filter((evaluation) => evaluation.full));
  const longest = Math.max(...pair.lanes.map(({ count }) => count));
  return pair.lanes.reduce((sum, { evaluations, count }) => {
    // A run that has not begun computes all of its evaluations, which the full ones so far tell.
    if (evaluations.length === 0) return sum + meanSeconds(full) * longest;
    return sum + meanSeconds(evaluations) * (count - evaluations.length);
  }, 0);
}

const meanSeconds = (evaluations: readonly DoneEvaluation[]): number =>
  evaluations.reduce((total, { seconds }) => total + seconds, 0) / Math.max(1, evaluations.length);

/** A pair after one more event of its run. */
export function afterEvent(pair: Pair, event: RunEvent): Pair {
  switch (event.type) {
    case "evaluation": {
      const { full, seconds, evaluation, evaluations: count } = event;
      return withLane(pair, event.lane, ({ evaluations, ...lane }) => ({
        ...lane,
        count,
        // A run that begins again, as after a lost GPU, counts from 0 again.
        evaluations: [...evaluations.slice(0, evaluation), { full, seconds }],
      }));
    }
    case "preview":
      return withLane(pair, event.lane, (lane) => ({ ...lane, image: blobOf(event.png) }));
    case "result": {
      const { picture, result } = event;
      return withLane(pair, event.lane, (lane) => ({ ...lane, picture, result, image: blobOf(picture.png) }));
    }
    default:
      return pair;
  }
}

const blobOf = (png: Uint8Array<ArrayBuffer>): Blob => new Blob([png], { type: "image/png" });

function withLane(pair: Pair, index: number, change: (lane: LaneState) => LaneState): Pair {
  const [original, accelerated] = pair.lanes;
  return { ...pair, lanes: index === 0 ? [change(original), accelerated] : [original, change(accelerated)] };
}

/** Seconds of all evaluations that are done: previews, which one run may have more of, are not in them. */
export const denoiseSeconds = ({ evaluations }: LaneState): number =>
  evaluations.reduce((sum, { seconds }) => sum + seconds, 0);

/** How many times as fast the accelerated run was; none before both are done. */
export function speedupOf({ lanes: [original, accelerated] }: Pair): number | undefined {
  if (original.result === undefined || accelerated.result === undefined) return undefined;
  return denoiseSeconds(original) / denoiseSeconds(accelerated);
}
