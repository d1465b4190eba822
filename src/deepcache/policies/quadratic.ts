import { quadraticPlan } from "../plans/quadratic.ts";
import { kind } from "../policy-kind.ts";
import { power, whole } from "../setting.ts";
import { everyNth } from "./uniform.ts";

/** Denser at the start: the non-uniform schedule of the latent diffusion code. */
export const quadratic = kind<{ interval: number; power: number }>({
  says: "as many or fewer, denser at the start the larger POWER is: the latent diffusion code's schedule",
  settings: { interval: whole(1), power: power("at least 1") },
  full: ({ interval, power }, length, evaluations) =>
    interval === 1 ? everyNth(1, evaluations) : quadraticPlan({ length, interval, power }),
});
