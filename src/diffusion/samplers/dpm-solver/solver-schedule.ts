import { entry } from "../../../tensor/tensor.ts";
import type { SigmaSchedule } from "../../schedules/karras-schedule.ts";
import { positiveAlphasCumprod, type TrainingNoise } from "../../schedules/noise-schedule.ts";
import {
  type SigmaSpacing,
  sigmaAt,
  sigmaFormula,
  spacedSigmas,
  timestepAt,
  trainingSigmas,
} from "../../schedules/sigmas.ts";
import { roundHalfEven, type Spacing, spacedTimesteps } from "../../schedules/timesteps.ts";

type Config = TrainingNoise & Spacing & SigmaSpacing & { readonly lambda_min_clipped?: number };

interface Choices {
  readonly steps: number;
  readonly given?: readonly number[] | undefined;
  /** Formulas whose timesteps are rounded; those of the others are cut off, as the reference does. */
  readonly rounded?: readonly string[];
  /** The noise level that the last step leads to, from the lowest of the run and the lowest of training. */
  last(lowest: number, lowestTrained: number, byFormula: boolean): number;
}

/** The schedule of solvers in λ, half the log signal-to-noise ratio (Lu et al. 2022): whole timesteps, float32 levels. */
export function solverSchedule(config: Config, { steps, given, rounded = ["karras"], last }: Choices): SigmaSchedule {
  const alphaBars = positiveAlphasCumprod(config);
  const training = trainingSigmas(alphaBars);
  const [lowestTrained, highestTrained] = [entry(training, 0), entry(training, training.length - 1)];
  const formula = sigmaFormula(config);
  if (formula === undefined) {
    const timesteps = given ?? solverTimesteps(config, steps, trainedAbove(alphaBars, config.lambda_min_clipped));
    const sigmas = timesteps.map((timestep) => sigmaAt(training, timestep));
    const final = last(entry(sigmas, sigmas.length - 1), lowestTrained, false);
    return { timesteps, sigmas: [...sigmas, final].map(Math.fround), training };
  }
  if (given)
    throw new RangeError(`Cannot use given timesteps: the config spaces noise levels by the ${formula} formula`);
  const { sigma_max, sigma_min } = formula === "lu" ? NO_RANGE : config; // as the reference does
  const [highest, lowest] = [sigma_max ?? highestTrained, sigma_min ?? lowestTrained];
  const sigmas = spacedSigmas(formula, highest, lowest, steps);
  const whole = rounded.includes(formula) ? roundHalfEven : Math.trunc;
  const final = last(entry(sigmas, sigmas.length - 1), lowestTrained, true);
  return {
    timesteps: sigmas.map((sigma) => whole(timestepAt(training, sigma))),
    sigmas: [...sigmas, final].map(Math.fround),
    training,
  };
}

const NO_RANGE = { sigma_max: null, sigma_min: null } as const;

function solverTimesteps(config: Config, steps: number, last: number): number[] {
  if (config.timestep_spacing === "leading" && steps >= last) {
    throw new RangeError(`Cannot take ${steps} steps: leading spacing needs one more than that of ${last} timesteps`);
  }
  return spacedTimesteps(config, steps, { dropped: 1, last }).map(roundHalfEven);
}

/** Number of training timesteps whose λ is at least `lowest`. */
function trainedAbove(alphaBars: Float32Array, lowest = Number.NEGATIVE_INFINITY): number {
  return alphaBars.filter((alphaBar) => 0.5 * Math.log(alphaBar / (1 - alphaBar)) >= lowest).length;
}
