import { linearCombination, type Term } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, givenWholeTimesteps, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import type { SigmaSampler } from "../../schedules/karras-schedule.ts";
import { addNoiseAt, levelOfSigma } from "../../schedules/noise-schedule.ts";
import { combined, isStochastic, lambdaOf, solverValue, solverWeights } from "./dpm-solver.ts";
import { solverSchedule } from "./solver-schedule.ts";

type Config = SchedulerConfig<"DPMSolverMultistepScheduler">;

/** DPM-Solver and DPM-Solver++ from the values of the last steps: 1, 2M, 3M and their SDEs (Lu et al. 2022, algorithm 2). */
export function dpmSolverMultistep(config: Config, options: SamplerOptions): SigmaSampler {
  const trained = config.num_train_timesteps;
  const { timesteps, sigmas } = solverSchedule(config, {
    steps: stepCount(options, trained),
    given: options.timesteps && givenWholeTimesteps(options.timesteps, trained),
    rounded: config.beta_schedule === "squaredcos_cap_v2" ? [] : ["karras", "lu"],
    last: (_lowest, lowestTrained) => (config.final_sigmas_type === "zero" ? 0 : lowestTrained),
  });

  return {
    timesteps,
    sigmas,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelOfSigma(entry(sigmas, index))),
    async *sample(denoiser, start, noise, begin = 0) {
      const values: Tensor[] = []; // newest first
      let sample = start;
      refuseThirdOrder(config, timesteps.length, begin);
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const output = await denoiser.predict(sample, timestep);
        const { value, denoised } = solverValue(config, entry(sigmas, index), sample, output);
        values.unshift(value);
        values.length = Math.min(values.length, config.solver_order, highestOrder(config, timesteps.length, index));
        const { sampleWeight, valueWeights, noiseWeight } = multistepWeights(config, sigmas, index, values.length);
        const terms = values.map((previous, k): Term => [entry(valueWeights, k), previous]);
        if (isStochastic(config.algorithm_type)) terms.push([noiseWeight, noise(sample.shape)]);
        sample = linearCombination([sampleWeight, sample], ...terms);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

/** The reference lacks one variant, and notices where a step would be of that order. */
function refuseThirdOrder(config: Config, steps: number, begin: number): void {
  if (config.algorithm_type !== "sde-dpmsolver" || config.solver_order < 3) return;
  for (let index = begin + 2; index < steps; index++) {
    if (highestOrder(config, steps, index) < 3) continue;
    throw new RangeError(
      `Cannot sample in ${steps - begin} steps: algorithm_type "sde-dpmsolver" has no third order, at most solver_order 2 is required`,
    );
  }
}

/** The order that the last two steps may have. */
function highestOrder(config: Config, steps: number, index: number): number {
  const few = config.lower_order_final && steps < 15;
  if (index === steps - 1 && (few || config.euler_at_final || config.final_sigmas_type === "zero")) return 1;
  return index === steps - 2 && few ? 2 : 3;
}

function multistepWeights(config: Config, sigmas: readonly number[], index: number, order: number) {
  const [from, to] = [entry(sigmas, index), entry(sigmas, index + 1)];
  const weights = solverWeights(config.algorithm_type, from, to);
  const value = [weights.value, [1]] as const;
  const common = { sampleWeight: weights.sample, noiseWeight: weights.noise };
  if (order === 1) return { ...common, valueWeights: combined(value) };
  const h = lambdaOf(to) - lambdaOf(from);
  const ratio = (lambdaOf(from) - lambdaOf(entry(sigmas, index - 1))) / h;
  const newest = [1 / ratio, -1 / ratio];
  if (order === 2) {
    const slope = config.solver_type === "midpoint" ? weights.midpoint : weights.slope;
    return { ...common, valueWeights: combined(value, [slope, newest]) };
  }
  const olderRatio = (lambdaOf(entry(sigmas, index - 1)) - lambdaOf(entry(sigmas, index - 2))) / h;
  const older = [0, 1 / olderRatio, -1 / olderRatio];
  const change = combined([1, newest], [-1, older]);
  const slope = combined([1, newest], [ratio / (ratio + olderRatio), change]);
  const curvature = combined([1 / (ratio + olderRatio), change]);
  return { ...common, valueWeights: combined(value, [weights.slope, slope], [weights.curvature, curvature]) };
}
