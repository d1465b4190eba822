/** Noise added before each Euler step (Karras et al. 2022, algorithm 2). */
export interface Churn {
  readonly amount: number;
  /** Only steps at noise levels from `lowest` to `highest` are churned. */
  readonly lowest?: number;
  readonly highest?: number;
  readonly noiseScale?: number;
}

/** What a run may settle beside the scheduler config; each algorithm takes only some of it. */
export interface SamplerOptions {
  /** Number of steps; may be left out where `timesteps` or `sigmas` give it. */
  readonly steps?: number | undefined;
  /** The timesteps themselves, highest first. */
  readonly timesteps?: readonly number[] | undefined;
  /** The noise levels themselves, highest first and one more than there are steps. */
  readonly sigmas?: readonly number[] | undefined;
  /** Above 0, up to 1: how much of the distilled timesteps, from the least noisy on, the steps are spread over (LCM, TCD). */
  readonly share?: number | undefined;
  /** How much noise each step adds: 0 none, 1 as much as DDPM, any other number for DDIM. */
  readonly eta?: number | undefined;
  /** Whether the noise is derived anew from the clipped clean sample (DDIM). */
  readonly useClippedModelOutput?: boolean | undefined;
  /** Whether a negative η adds noise, too, as in the original codes of DDIM, where diffusers adds none. */
  readonly signedNoise?: boolean | undefined;
  readonly churn?: Churn | undefined;
  /** Number of derivatives that linear multistep combines. */
  readonly order?: number | undefined;
}

/** The number of steps that `options` ask for, refusing one that `trained` timesteps cannot give. */
export function stepCount({ steps, timesteps, sigmas }: SamplerOptions, trained: number): number {
  if (timesteps && sigmas) throw new TypeError("Cannot sample: give either timesteps or sigmas, not both");
  const listed = timesteps?.length ?? (sigmas && sigmas.length - 1);
  const count = steps ?? listed;
  if (count === undefined) throw new TypeError("Cannot sample: the number of steps is missing");
  if (!Number.isInteger(count) || count < 1 || count > trained) {
    throw new RangeError(`Cannot sample in ${count} steps: required is a whole number from 1 to ${trained}`);
  }
  if (listed !== undefined && listed !== count) {
    throw new RangeError(
      `Cannot sample in ${count} steps: the given ${timesteps ? "timesteps" : "sigmas"} make ${listed}`,
    );
  }
  return count;
}

/** The given timesteps, refused unless they descend within 0…trained-1; `repeats` allows equal neighbours. */
export function givenTimesteps(timesteps: readonly number[], trained: number, repeats = false): number[] {
  timesteps.forEach((timestep, i) => {
    const previous = timesteps[i - 1] ?? Number.POSITIVE_INFINITY;
    if (!(timestep >= 0 && timestep <= trained - 1)) {
      throw new RangeError(`Cannot use timestep ${timestep}: required is a number from 0 to ${trained - 1}`);
    }
    if (!(timestep < previous || (repeats && timestep === previous))) {
      throw new RangeError(`Cannot use timestep ${timestep} after ${previous}: timesteps must descend`);
    }
  });
  return [...timesteps];
}

/** As `givenTimesteps` for algorithms that look timesteps up in a table. */
export function givenWholeTimesteps(timesteps: readonly number[], trained: number, repeats = false): number[] {
  const fractional = timesteps.find((timestep) => !Number.isInteger(timestep));
  if (fractional !== undefined) throw new RangeError(`Cannot use timestep ${fractional}: required is a whole number`);
  return givenTimesteps(timesteps, trained, repeats);
}

/** The given η, refused outside `lowest`…`highest` and where it is no finite number. */
export function givenEta(eta: number, lowest = Number.NEGATIVE_INFINITY, highest = Number.POSITIVE_INFINITY): number {
  if (Number.isFinite(eta) && eta >= lowest && eta <= highest) return eta;
  const range = Number.isFinite(lowest) ? ` from ${lowest} to ${highest}` : "";
  throw new RangeError(`Cannot sample with eta ${eta}: required is a number${range}`);
}

/** The evaluation to begin at, refused unless the schedule has it and it starts a step of `stride` evaluations. */
export function givenBegin(begin: number, { length }: ArrayLike<number>, stride = 1): number {
  if (!Number.isInteger(begin) || begin < 0 || begin >= length) {
    throw new RangeError(`Cannot begin at evaluation ${begin}: the schedule has evaluations 0 to ${length - 1}`);
  }
  if (begin % stride !== 0) {
    throw new RangeError(`Cannot begin at evaluation ${begin}: a step takes ${stride} evaluations, begin at the first`);
  }
  return begin;
}
