import { linearCombination, type Term } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import type { SigmaSampler } from "../../schedules/karras-schedule.ts";
import { splitVariance } from "../../schedules/learned-variance.ts";
import { addNoiseAt, alphasCumprod, levelOfAlphaBar, levelOfSigma } from "../../schedules/noise-schedule.ts";
import { predictClean, predictNoise } from "../../schedules/prediction.ts";
import { bounded } from "../../schedules/thresholding.ts";
import { correctorWeights, predictorWeights, type StepWeights } from "./sa-weights.ts";
import { solverSchedule } from "./solver-schedule.ts";

type Config = SchedulerConfig<"SASolverScheduler">;

/** Stochastic Adams methods: a predictor and, with the next evaluation, a corrector on the SDE (Xue et al. 2023). */
export function saSolver(config: Config, options: SamplerOptions): SigmaSampler {
  const { timesteps, sigmas } = solverSchedule(config, {
    steps: stepCount(options, config.num_train_timesteps),
    last: (lowest, lowestTrained, byFormula) => (byFormula ? lowest : lowestTrained),
  });
  const alphaBars = alphasCumprod(config);
  const { predictor_order, corrector_order, lower_order_final } = config;
  const kept = Math.max(predictor_order, corrector_order - 1);
  const remaining = (index: number): number =>
    lower_order_final ? timesteps.length - index : Number.POSITIVE_INFINITY;

  return {
    timesteps,
    sigmas,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelOfAlphaBar(entry(alphaBars, entry(timesteps, index)))),
    async *sample(denoiser, start, noise, begin = 0) {
      const values: Tensor[] = []; // newest first
      let sample = start;
      let last: { readonly sample: Tensor; readonly noise: Tensor; readonly correctorOrder: number } | undefined;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const output = await denoiser.predict(sample, timestep);
        const { value, denoised } = saValue(config, entry(sigmas, index), sample, output);
        values.unshift(value);
        if (last !== undefined) {
          const tau = stochasticity(entry(timesteps, index - 1));
          const weights = correctorWeights(config.algorithm_type, sigmas, index, last.correctorOrder, tau);
          sample = combination(last.sample, weights, values, last.noise);
        }
        const known = Math.min(index - begin, kept);
        values.length = Math.min(values.length, kept);
        const drawn = noise(sample.shape);
        const order = Math.min(predictor_order, remaining(index), known + 1);
        last = {
          sample,
          noise: drawn,
          correctorOrder: Math.min(corrector_order, remaining(index) + 1, known + 2),
        };
        const weights = predictorWeights(config.algorithm_type, sigmas, index, order, stochasticity(timestep));
        sample = combination(sample, weights, values, drawn);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

/** How much noise a step from `timestep` adds; the reference's function, which its files cannot replace. */
const stochasticity = (timestep: number): 0 | 1 => (timestep >= 200 && timestep <= 800 ? 1 : 0);

/** The network's output as the solver integrates it: as clean sample or as noise. */
function saValue(config: Config, sigma: number, sample: Tensor, output: Tensor) {
  const level = levelOfSigma(sigma);
  const learned = config.variance_type !== null && config.prediction_type === "epsilon";
  const prediction = learned ? splitVariance(output, sample.shape[1] ?? 0).prediction : output;
  if (config.algorithm_type === "noise_prediction") {
    return { value: predictNoise(config.prediction_type, level, sample, prediction), denoised: undefined };
  }
  const denoised = bounded(predictClean(config.prediction_type, level, sample, prediction), config);
  return { value: denoised, denoised };
}

const combination = (base: Tensor, weights: StepWeights, values: readonly Tensor[], noise: Tensor): Tensor =>
  linearCombination([weights.sample, base], ...weights.values.map((weight, k): Term => [weight, entry(values, k)]), [
    weights.noise,
    noise,
  ]);
