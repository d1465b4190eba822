import {
  readSchedulerConfig,
  type SchedulerConfig,
  SchedulerConfigError,
  schedulerConfigAs,
} from "../scheduler-config.ts";
import { linspace } from "./timesteps.ts";

/** What the latent diffusion code calls the schedules that diffusers has under other names. */
const LATENT_DIFFUSION_BETAS = { linear: "scaled_linear", sqrt_linear: "linear", cosine: "squaredcos_cap_v2" } as const;
/** What the DDPM and DDIM code calls them. */
const DDPM_BETAS = { linear: "linear", quad: "scaled_linear" } as const;

/** The parameters of a latent diffusion config that settle its schedule, with the code's defaults. */
export interface LatentDiffusionSchedule {
  readonly beta_schedule?: string;
  readonly linear_start?: number;
  readonly linear_end?: number;
  readonly timesteps?: number;
  readonly parameterization?: string;
}

/** The scheduler config that samples as the latent diffusion code's DDIM does, given `latentDiffusionTimesteps`. */
export function latentDiffusionConfig(schedule: LatentDiffusionSchedule = {}): SchedulerConfig<"DDIMScheduler"> {
  const { beta_schedule = "linear", linear_start = 1e-4, linear_end = 2e-2, timesteps = 1000 } = schedule;
  return ddimConfig({
    beta_schedule: renamed(LATENT_DIFFUSION_BETAS, beta_schedule),
    beta_start: linear_start,
    beta_end: linear_end,
    num_train_timesteps: timesteps,
    prediction_type: renamed({ eps: "epsilon", x0: "sample", v: "v_prediction" }, schedule.parameterization ?? "eps"),
    set_alpha_to_one: false,
  });
}

/** The `diffusion` section of a config of the DDPM and DDIM code. */
export interface DdpmSchedule {
  readonly beta_schedule: string;
  readonly beta_start: number;
  readonly beta_end: number;
  readonly num_diffusion_timesteps: number;
}

/** The scheduler config that samples as the DDIM code does, given `ddpmTimesteps`. */
export function ddpmScheduleConfig(schedule: DdpmSchedule): SchedulerConfig<"DDIMScheduler"> {
  return ddimConfig({
    beta_schedule: renamed(DDPM_BETAS, schedule.beta_schedule),
    beta_start: schedule.beta_start,
    beta_end: schedule.beta_end,
    num_train_timesteps: schedule.num_diffusion_timesteps,
    set_alpha_to_one: true,
  });
}

const ddimConfig = (fields: Readonly<Record<string, unknown>>): SchedulerConfig<"DDIMScheduler"> =>
  schedulerConfigAs("DDIMScheduler", readSchedulerConfig({ _class_name: "DDIMScheduler" }), {
    clip_sample: false,
    ...fields,
  });

function renamed(names: Readonly<Record<string, string>>, name: string): string {
  if (Object.hasOwn(names, name)) return names[name] ?? name;
  throw new SchedulerConfigError(
    `Cannot read schedule: "${name}" is not known, supported are ${Object.keys(names).join(", ")}`,
  );
}

/** Timesteps of the latent diffusion code's DDIM sampler, highest first; more than `steps` where those do not divide. */
export function latentDiffusionTimesteps(steps: number, trained = 1000): number[] {
  return ddpmTimesteps(steps, "uniform", trained).map((timestep) => timestep + 1);
}

/** Timesteps of the DDPM and DDIM code by its `skip_type`, highest first; quadratic ones repeat near 0. */
export function ddpmTimesteps(steps: number, skipType: "uniform" | "quad", trained = 1000): number[] {
  if (!Number.isInteger(steps) || steps < 1 || steps > trained) {
    throw new RangeError(`Cannot sample in ${steps} steps: required is a whole number from 1 to ${trained}`);
  }
  if (skipType === "quad") {
    return linspace(0, Math.sqrt(trained * 0.8), steps)
      .map((root) => Math.floor(root ** 2))
      .reverse();
  }
  const stride = Math.floor(trained / steps);
  return Array.from({ length: Math.ceil(trained / stride) }, (_, i) => i * stride).reverse();
}
