import {
  betas,
  choice,
  DISCRETE_FIELDS,
  type Field,
  finalSigmas,
  flag,
  LONGEST_SCHEDULE,
  learnedVariance,
  linearBetas,
  noiseOrVelocity,
  nullable,
  number,
  positive,
  prediction,
  sigmaFormulas,
  spacing,
  thresholding,
  whole,
} from "./scheduler-fields.ts";

/** Karras et al. 2022: noise levels of their own, and networks that are told of them. */
const preconditioned = (sigmas: { min: number; max: number; data: number }) => ({
  sigma_min: positive(sigmas.min),
  sigma_max: positive(sigmas.max),
  sigma_data: positive(sigmas.data),
  num_train_timesteps: whole(1000, 1, LONGEST_SCHEDULE),
  rho: positive(7),
  ...finalSigmas,
});

const PUBLISHED_EDM = preconditioned({ min: 0.002, max: 80, data: 0.5 });

const multistep = {
  solver_type: choice("midpoint", ["heun"], { logrho: "midpoint", bh1: "midpoint", bh2: "midpoint" }),
  lower_order_final: flag(true),
  euler_at_final: flag(false),
};

/** Every supported scheduler class of diffusers, with its fields. */
export const SCHEDULER_FIELDS = {
  ...DISCRETE_FIELDS,
  DPMSolverSDEScheduler: {
    ...betas(0.00085, 0.012),
    beta_schedule: linearBetas,
    prediction_type: noiseOrVelocity,
    ...sigmaFormulas,
    noise_sampler_seed: nullable(whole(0, 0, Number.MAX_SAFE_INTEGER)),
    ...spacing("linspace"),
  },
  SASolverScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: linearBetas,
    predictor_order: whole(2, 1, 4),
    corrector_order: whole(2, 1, 4),
    prediction_type: prediction,
    tau_func: choice<null>(null, []),
    ...thresholding,
    algorithm_type: choice("data_prediction", ["noise_prediction"]),
    lower_order_final: flag(true),
    ...sigmaFormulas,
    use_flow_sigmas: choice<false>(false, []),
    flow_shift: positive(1),
    lambda_min_clipped: number(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_VALUE, "a number"),
    variance_type: learnedVariance,
    ...spacing("linspace"),
  },
  EDMEulerScheduler: {
    ...PUBLISHED_EDM,
    sigma_schedule: choice("karras", ["exponential"]),
    prediction_type: noiseOrVelocity,
  },
  EDMDPMSolverMultistepScheduler: {
    ...PUBLISHED_EDM,
    sigma_schedule: choice("karras", ["exponential"]),
    prediction_type: noiseOrVelocity,
    solver_order: whole(2, 1, 3),
    ...thresholding,
    algorithm_type: choice("dpmsolver++", ["sde-dpmsolver++"], { deis: "dpmsolver++" }),
    ...multistep,
  },
  CosineDPMSolverMultistepScheduler: {
    ...preconditioned({ min: 0.3, max: 500, data: 1 }),
    sigma_schedule: choice("exponential", ["karras"]),
    prediction_type: choice("v_prediction", ["epsilon"]),
    solver_order: whole(2, 1, 2),
    ...multistep,
  },
} as const satisfies Record<string, Readonly<Record<string, Field<unknown>>>>;
