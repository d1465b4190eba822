import type { CachePolicy } from "../deepcache/policies.ts";
import type { SamplerName } from "../diffusion/samplers.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import type { Gram } from "./gram.ts";

/** The images on which settings are found, and those on which they are checked: other prompts, other seeds. */
export type ImageSet = "calibration" | "check";

/** How a set of images is made. */
export interface TrialRun {
  readonly sampler: SamplerName;
  readonly steps: number;
  /** The timesteps themselves, highest first, in place of the sampler's own. */
  readonly timesteps?: readonly number[];
  readonly cache: CachePolicy;
}

/** What a trial made. */
export interface TrialResult {
  /** Of each image. */
  readonly latents: readonly Float32Array[];
  /** None where they were not asked for. */
  readonly images: readonly RgbImage[];
  readonly evaluations: number;
  readonly fse: number;
  /** What a cached evaluation costs of a full one. */
  readonly ratio: number;
  /** Of a run without a cache whose features were asked for. */
  readonly gram?: Gram | undefined;
}

/** A model under fixed conditions, to be tuned. */
export interface TuningSubject {
  run(
    set: ImageSet,
    run: TrialRun,
    ask?: {
      readonly images?: boolean;
      readonly features?: boolean;
      /** How many of the set's images to make; all of them where left out. */
      readonly first?: number;
    },
  ): Promise<TrialResult>;
  /** The timesteps at which a run evaluates the network, highest first. */
  timesteps(run: TrialRun): Promise<readonly number[]>;
}

/** What is to be found. */
export interface TuningOptions {
  /** In full-step equivalents, each at least 2. */
  readonly budgets: readonly number[];
  readonly samplers: readonly SamplerName[];
  /** Step counts that cached runs may have; chosen for each budget where left out. */
  readonly steps?: readonly number[] | undefined;
  readonly branch: number;
  readonly reference: { readonly sampler: SamplerName; readonly steps: number };
  /** Trials of the search for one budget, after a first look at all samplers and step counts. */
  readonly trials: number;
  /** Trials more, which move single timesteps of what is best. */
  readonly timestepTrials: number;
  /** Calibration images of a first look. */
  readonly look: number;
}

/** Keeps what is known of trials, so that a search that was stopped goes on where it was. */
export interface TuningMemory {
  /** The value under `key`, or what `find` gives where there is none that `isValue`, which is kept. It is JSON. */
  recall<T>(key: string, isValue: (value: unknown) => value is T, find: () => Promise<T>): Promise<T>;
}

/** Told before each trial: how many there have been, what it is for, and about how many there will be. */
export type OnTrial = (done: number, expected: number, what: string) => void;
