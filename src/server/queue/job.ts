import type { CachePolicy } from "../../deepcache/policies.ts";
import type { InLane, Phase, PhaseSeconds } from "../../pipelines/run/events.ts";

/** What is asked of a model, as plain data and bytes: it may be worked on by another process. */
export interface JobRequest {
  /** A name of the server's, never a path. */
  readonly model: string;
  /** Options of the library by their names, with pictures as pixels. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Runs that take turns in place of one: what each has instead of the options. */
  readonly variants?: readonly Readonly<Record<string, unknown>>[] | undefined;
  /** Options that are used where the model takes them. */
  readonly preferences?: Readonly<Record<string, unknown>> | undefined;
  /** A second run on what the first one made. */
  readonly hires?: HiresRequest | undefined;
  /** Jobs of a higher one come first; 0 where left out. */
  readonly priority?: number | undefined;
  /** Whose job it is; each key may have only so many that wait. */
  readonly owner: string;
}

/** A picture made larger between two runs. */
export interface HiresRequest {
  readonly width: number;
  readonly height: number;
  /** How the picture grows, by AUTOMATIC1111's names. */
  readonly upscaler: string;
  /** Options of the second run that differ from those of the first. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A picture that a job has made. */
export interface JobPicture {
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly prompt: string;
  /** How it was made, in AUTOMATIC1111's form. */
  readonly parameters: string;
  /** The bytes of its file, which carry the same text. */
  readonly png: Uint8Array<ArrayBuffer>;
}

/** What a job made, and what it took. */
export interface JobResult {
  readonly model: string;
  readonly pictures: readonly JobPicture[];
  readonly sampler: string;
  readonly steps: number;
  readonly guidanceScale?: number | undefined;
  readonly strength?: number | undefined;
  readonly policy: CachePolicy;
  readonly evaluations: number;
  /** Of them, those on which the whole network ran. */
  readonly fullEvaluations: number;
  /** How many times fewer operations than without a cache. */
  readonly speedup: number;
  readonly seconds: PhaseSeconds;
  readonly warnings: readonly string[];
  /** Of each variant, where there are variants; the fields above are then those of all together, and of the first. */
  readonly lanes?: readonly LaneResult[] | undefined;
}

/** What one variant of a job made, and what it took. */
export interface LaneResult extends Omit<JobResult, "model" | "lanes"> {
  /** The evaluations on which the whole network ran. */
  readonly full: readonly number[];
}

/** Why a job failed, as a client is told. */
export interface JobFailure {
  /** As HTTP counts them. */
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** What a job tells as it goes on; the last event is one of `ENDS`. */
export type JobEvent<Result = JobResult> = InLane & ToldEvent<Result>;

type ToldEvent<Result> =
  | { readonly type: "waiting"; readonly position: number }
  | { readonly type: "running" }
  | { readonly type: "phase"; readonly phase: Phase }
  | { readonly type: "warning"; readonly message: string }
  | {
      readonly type: "evaluation";
      /** Of the run, counted from 0. */
      readonly evaluation: number;
      readonly evaluations: number;
      readonly full: boolean;
      readonly seconds: number;
    }
  | { readonly type: "preview"; readonly evaluation: number; readonly pictures: readonly Uint8Array<ArrayBuffer>[] }
  | { readonly type: "done"; readonly result: Result }
  | { readonly type: "failed"; readonly failure: JobFailure }
  | { readonly type: "cancelled" };

/** An event with its number, counted from 1 in each job. */
export interface NumberedEvent<Result = JobResult> {
  readonly number: number;
  readonly event: JobEvent<Result>;
}

/** Where a job is. */
export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled";

/** A job as far as it has come. */
export interface JobView<Result = JobResult> {
  readonly id: string;
  readonly model: string;
  readonly owner: string;
  readonly state: JobState;
  /** Jobs before it; none where it does not wait. */
  readonly position?: number | undefined;
  /** Evaluations that are done, and those of the run; none before the first. */
  readonly progress?: { readonly done: number; readonly of: number } | undefined;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly started?: number | undefined;
  readonly ended?: number | undefined;
  /** The newest preview. */
  readonly preview?: readonly Uint8Array<ArrayBuffer>[] | undefined;
  readonly result?: Result | undefined;
  readonly failure?: JobFailure | undefined;
}

/** Whether a job is over with `event`. */
export const isEnd = (event: JobEvent<unknown>): boolean =>
  event.type === "done" || event.type === "failed" || event.type === "cancelled";
