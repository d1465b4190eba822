import { linearCombination, type Term } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, givenWholeTimesteps, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import type { SigmaSampler } from "../../schedules/karras-schedule.ts";
import { addNoiseAt, levelOfSigma } from "../../schedules/noise-schedule.ts";
import { combined, isStochastic, lambdaOf, solverValue, solverWeights } from "./dpm-solver.ts";
import { solverSchedule } from "./solver-schedule.ts";

type Config = SchedulerConfig<"DPMSolverSinglestepScheduler">;

/** DPM-Solver and DPM-Solver++ in groups of up to three evaluations from one base (Lu et al. 2022, algorithm 1). */
export function dpmSolverSinglestep(config: Config, options: SamplerOptions): SigmaSampler {
  const trained = config.num_train_timesteps;
  const { timesteps, sigmas } = solverSchedule(
    { ...config, timestep_spacing: "linspace", steps_offset: 0 },
    {
      steps: stepCount(options, trained),
      given: options.timesteps && givenWholeTimesteps(options.timesteps, trained),
      last: (_lowest, lowestTrained) => (config.final_sigmas_type === "zero" ? 0 : lowestTrained),
    },
  );
  const orders = orderOfSteps(config, timesteps.length);

  return {
    timesteps,
    sigmas,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelOfSigma(entry(sigmas, index))),
    async *sample(denoiser, start, noise, begin = 0) {
      const values: Tensor[] = []; // newest first
      let sample = start;
      let base = start; // where the current group began
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const output = await denoiser.predict(sample, timestep);
        const { value, denoised } = solverValue(config, entry(sigmas, index), sample, output);
        values.unshift(value);
        values.length = Math.min(values.length, config.solver_order);
        const order = Math.min(entry(orders, index), values.length);
        if (order === 1) base = sample;
        const weights = solverWeights(
          config.algorithm_type,
          entry(sigmas, index - order + 1),
          entry(sigmas, index + 1),
        );
        const valueWeights = singlestepWeights(config, sigmas, index, order);
        const terms = valueWeights.map((weight, k): Term => [weight, entry(values, k)]);
        if (isStochastic(config.algorithm_type)) terms.push([weights.noise, noise(sample.shape)]);
        sample = linearCombination([weights.sample, base], ...terms);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

/** Orders rise within each group; the last step is of first order where the config asks for it or ends at zero noise. */
function orderOfSteps(config: Config, steps: number): number[] {
  const highest = config.solver_order;
  const orders = Array.from({ length: steps }, (_, i) => (i % highest) + 1);
  const lowered = config.lower_order_final && steps % highest === 0;
  if (lowered || config.final_sigmas_type === "zero") orders[steps - 1] = 1;
  return orders;
}

function singlestepWeights(config: Config, sigmas: readonly number[], index: number, order: number): number[] {
  const [from, to] = [entry(sigmas, index - order + 1), entry(sigmas, index + 1)];
  const weights = solverWeights(config.algorithm_type, from, to);
  if (order === 1) return [weights.value];
  const h = lambdaOf(to) - lambdaOf(from);
  const ratio = (lambdaOf(entry(sigmas, index)) - lambdaOf(from)) / h;
  const midpoint = config.solver_type === "midpoint";
  if (order === 2) {
    const slope = [1 / ratio, -1 / ratio];
    return combined([weights.value, [0, 1]], [midpoint ? weights.midpoint : weights.slope, slope]);
  }
  const innerRatio = (lambdaOf(entry(sigmas, index - 1)) - lambdaOf(from)) / h;
  const outer = [1 / ratio, 0, -1 / ratio];
  if (midpoint) return combined([weights.value, [0, 0, 1]], [weights.slope, outer]);
  const inner = [0, 1 / innerRatio, -1 / innerRatio];
  const spread = ratio - innerRatio;
  const slope = combined([ratio / spread, inner], [-innerRatio / spread, outer]);
  const curvature = combined([2 / spread, outer], [-2 / spread, inner]);
  return combined([weights.value, [0, 0, 1]], [weights.slope, slope], [weights.curvature, curvature]);
}
