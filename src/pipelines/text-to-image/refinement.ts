import type { Sampler } from "../../diffusion/sampler.ts";
import type { Refiner } from "../../systems/parts/refiner.ts";
import { chooseSampler } from "../run/choose-sampler.ts";
import type { Refinement } from "../run/task.ts";
import { conditionRefiner } from "./text-conditioners/refiner.ts";
import type { SettledOptions } from "./text-to-image-options.ts";

/**
 * The end of a run by an SDXL refiner, as diffusers hands over: the base model takes the timesteps down to a share of the
 * schedule, the refiner those below.
 */
export function refinementBy(
  refiner: Refiner,
  settled: SettledOptions,
  { sampler: first, begin, guided }: { readonly sampler: Sampler; readonly begin: number; readonly guided: boolean },
): Refinement {
  const { refinerStart, guidanceScale, guidanceRescale, defaults, refinerSizes: sizes } = settled;
  const { sampler } = chooseSampler(refiner.scheduler, settled, { ...defaults, latents: true });
  const { num_train_timesteps: trained } = refiner.scheduler;
  const cutoff = Math.round(trained - refinerStart * trained);
  const taken = first.timesteps.slice(begin).filter((timestep) => timestep >= cutoff).length;
  const below = sampler.timesteps.filter((timestep) => timestep < cutoff).length;
  // Of a step of two evaluations, both are the refiner's.
  const left = sampler.order === 2 && below % 2 === 0 ? below + 1 : below;
  if (taken === 0 || below === 0) {
    throw new RangeError(
      `Cannot refine from ${refinerStart} of the schedule: that leaves ${taken} evaluations to the model and ${below} to the refiner`,
    );
  }
  return {
    unet: refiner.unet,
    end: begin + taken,
    sampler,
    begin: sampler.timesteps.length - left,
    async condition(runtime) {
      const { conditioning, warnings } = await conditionRefiner(runtime, refiner.text, { ...settled, guided, sizes });
      return {
        conditioning,
        warnings,
        guidance: guided ? { scale: guidanceScale, rescale: guidanceRescale } : undefined,
      };
    },
  };
}
