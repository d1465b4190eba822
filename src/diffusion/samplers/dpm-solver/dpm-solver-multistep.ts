import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, givenWholeTimesteps, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import type { SigmaSampler } from "../../schedules/karras-schedule.ts";
import { addNoiseAt, levelOfSigma } from "../../schedules/noise-schedule.ts";
import { isStochastic, solverValue } from "./dpm-solver.ts";
import { highestOrder, multistepUpdate } from "./multistep.ts";
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
        const drawn = isStochastic(config.algorithm_type) ? noise(sample.shape) : undefined;
        sample = multistepUpdate(config, sigmas, index, { sample, values, noise: drawn });
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
