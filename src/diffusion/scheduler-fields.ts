import { LIMITS } from "../errors/limits.ts";

/** One field of a scheduler config: its default, and how a JSON value is read. */
export interface Field<T> {
  readonly fallback: T;
  /** In words, for messages. */
  readonly required: string;
  /** The value as the program holds it, or undefined where it is refused. */
  read(value: unknown): T | undefined;
}

/** True or false; Python takes null for false. */
export const flag = (fallback: boolean): Field<boolean> => ({
  fallback,
  required: "true or false",
  read: (value) => (typeof value === "boolean" ? value : value === null ? false : undefined),
});

/** A number from `min` to `max`. */
export const number = (fallback: number, min: number, max: number, required: string): Field<number> => ({
  fallback,
  required,
  read: (value) => (typeof value === "number" && value >= min && value <= max ? value : undefined),
});

/** A whole number from `min` to `max`. */
export const whole = (fallback: number, min: number, max: number): Field<number> => ({
  fallback,
  required: `a whole number from ${min} to ${max}`,
  read: (value) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
});

/** A choice between values; `synonyms` are values of other classes that the reference reads as one of them. */
export function choice<const T extends string | boolean | null>(
  fallback: T,
  others: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): Field<T> {
  const known = new Map<unknown, T>([
    ...Object.entries(synonyms),
    ...[fallback, ...others].map((value) => [value, value] as const),
  ]);
  const values = [...new Set([fallback, ...others])].map((value) => JSON.stringify(value));
  return {
    fallback,
    required: values.length > 1 ? `one of ${values.join(", ")}` : `${values[0]}`,
    read: (value) => known.get(value),
  };
}

/** What `field` takes, or null, which is the default. */
export const nullable = <T>(field: Field<T>): Field<T | null> => ({
  fallback: null,
  required: `${field.required}, or null`,
  read: (value) => (value === null ? null : field.read(value)),
});

const numbers = (required: string, accepts: (value: number) => boolean): Field<readonly number[]> => ({
  fallback: [],
  required,
  read: (value) =>
    Array.isArray(value) && value.every((item) => typeof item === "number" && accepts(item)) ? value : undefined,
});

/** A number above 0. */
export const positive = (fallback: number): Field<number> =>
  number(fallback, Number.MIN_VALUE, Number.MAX_VALUE, "a number above 0");

/** Longer schedules than any model is trained with, so that a corrupt config cannot ask for all memory. */
export const LONGEST_SCHEDULE = LIMITS.scheduler.timesteps.most;

/** The noise added in training. */
export const betas = (start: number, end: number) => ({
  num_train_timesteps: whole(1000, 1, LONGEST_SCHEDULE),
  beta_start: number(start, 0, 1, "a number from 0 to 1"),
  beta_end: number(end, 0, 1, "a number from 0 to 1"),
  trained_betas: nullable(numbers("a list of numbers from 0 to 1", (value) => value >= 0 && value <= 1)),
});

/** The formulas for β that most classes know. */
export const linearBetas = choice("linear", ["scaled_linear", "squaredcos_cap_v2"]);
const scaledLinearBetas = choice("scaled_linear", ["linear", "squaredcos_cap_v2"]);
/** What a network predicts. */
export const prediction = choice("epsilon", ["sample", "v_prediction"]);
/** Where the reference does not implement `sample`. */
export const noiseOrVelocity = choice("epsilon", ["v_prediction"]);

/** How timesteps are spread. */
export const spacing = (fallback: "leading" | "linspace" | "trailing") => ({
  timestep_spacing: choice(fallback, ["leading", "linspace", "trailing"]),
  steps_offset: whole(0, 0, LONGEST_SCHEDULE),
});

/** Dynamic thresholding. */
export const thresholding = {
  thresholding: flag(false),
  dynamic_thresholding_ratio: number(0.995, 0, 1, "a number from 0 to 1"),
  sample_max_value: positive(1),
};

const clipping = (fallback: boolean) => ({ clip_sample: flag(fallback), clip_sample_range: positive(1) });

/** The reference asks for a range in every class with formulas, also in those that do not declare it. */
export const sigmaFormulas = {
  use_karras_sigmas: flag(false),
  use_exponential_sigmas: flag(false),
  use_beta_sigmas: flag(false),
  sigma_min: nullable(positive(1)),
  sigma_max: nullable(positive(1)),
};

/** Flow matching belongs to transformers; its fields are read so that full configs load, and refused when used. */
const noFlow = {
  use_flow_sigmas: choice<false>(false, []),
  flow_shift: positive(1),
  use_dynamic_shifting: choice<false>(false, []),
  time_shift_type: choice("exponential", ["linear"]),
};

/** Where the last step leads. */
export const finalSigmas = { final_sigmas_type: choice("zero", ["sigma_min"]) };

/** DPM-Solver only asks whether the variance is learned; what DDPM calls its fixed variances means it is not. */
export const learnedVariance = choice<"learned" | "learned_range" | null>(null, ["learned", "learned_range"], {
  fixed_small: null,
  fixed_small_log: null,
  fixed_large: null,
  fixed_large_log: null,
});

const dpmSolver = {
  ...betas(0.0001, 0.02),
  beta_schedule: linearBetas,
  solver_order: whole(2, 1, 3),
  prediction_type: prediction,
  ...thresholding,
  solver_type: choice("midpoint", ["heun"], { logrho: "midpoint", bh1: "midpoint", bh2: "midpoint" }),
  ...sigmaFormulas,
  ...noFlow,
  ...finalSigmas,
  lambda_min_clipped: number(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_VALUE, "a number"),
  variance_type: learnedVariance,
};

const kdpm2 = {
  ...betas(0.00085, 0.012),
  beta_schedule: linearBetas,
  ...sigmaFormulas,
  prediction_type: noiseOrVelocity,
  ...spacing("linspace"),
};

const distilled = {
  ...betas(0.00085, 0.012),
  beta_schedule: scaledLinearBetas,
  original_inference_steps: whole(50, 1, LONGEST_SCHEDULE),
  ...clipping(false),
  set_alpha_to_one: flag(true),
  prediction_type: prediction,
  ...thresholding,
  ...spacing("leading"),
  timestep_scaling: positive(10),
  rescale_betas_zero_snr: flag(false),
};

/** The scheduler classes of diffusers that step between the noise levels of training, with their fields. */
export const DISCRETE_FIELDS = {
  DDPMScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: choice("linear", ["scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace"]),
    // DPM-Solver's files say null, which the reference samples as fixed_small.
    variance_type: choice("fixed_small", ["fixed_small_log", "fixed_large", "learned", "learned_range", null]),
    ...clipping(true),
    prediction_type: prediction,
    ...thresholding,
    ...spacing("leading"),
    rescale_betas_zero_snr: flag(false),
  },
  DDIMScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: linearBetas,
    ...clipping(true),
    set_alpha_to_one: flag(true),
    prediction_type: prediction,
    ...thresholding,
    ...spacing("leading"),
    rescale_betas_zero_snr: flag(false),
  },
  PNDMScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: linearBetas,
    skip_prk_steps: flag(false),
    set_alpha_to_one: flag(false),
    prediction_type: noiseOrVelocity,
    ...spacing("leading"),
  },
  EulerDiscreteScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: linearBetas,
    prediction_type: prediction,
    interpolation_type: choice("linear", ["log_linear"]),
    ...sigmaFormulas,
    ...spacing("linspace"),
    timestep_type: choice("discrete", ["continuous"]),
    rescale_betas_zero_snr: flag(false),
    ...finalSigmas,
  },
  EulerAncestralDiscreteScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: linearBetas,
    prediction_type: noiseOrVelocity,
    ...spacing("linspace"),
    rescale_betas_zero_snr: flag(false),
  },
  DPMSolverMultistepScheduler: {
    ...dpmSolver,
    algorithm_type: choice("dpmsolver++", ["dpmsolver", "sde-dpmsolver", "sde-dpmsolver++"], { deis: "dpmsolver++" }),
    lower_order_final: flag(true),
    euler_at_final: flag(false),
    use_lu_lambdas: flag(false),
    ...spacing("linspace"),
    rescale_betas_zero_snr: flag(false),
  },
  DPMSolverSinglestepScheduler: {
    ...dpmSolver,
    algorithm_type: choice("dpmsolver++", ["dpmsolver", "sde-dpmsolver++"], { deis: "dpmsolver++" }),
    lower_order_final: flag(false),
  },
  DEISMultistepScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: linearBetas,
    solver_order: whole(2, 1, 3),
    prediction_type: prediction,
    ...thresholding,
    algorithm_type: choice<"deis">("deis", [], { dpmsolver: "deis", "dpmsolver++": "deis" }),
    solver_type: choice<"logrho">("logrho", [], { midpoint: "logrho", heun: "logrho", bh1: "logrho", bh2: "logrho" }),
    lower_order_final: flag(true),
    ...sigmaFormulas,
    ...noFlow,
    ...spacing("linspace"),
  },
  UniPCMultistepScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: linearBetas,
    solver_order: whole(2, 1, 4),
    prediction_type: prediction,
    ...thresholding,
    predict_x0: flag(true),
    solver_type: choice("bh2", ["bh1"], { midpoint: "bh2", heun: "bh2", logrho: "bh2" }),
    lower_order_final: flag(true),
    disable_corrector: numbers("a list of step indices", (value) => Number.isInteger(value) && value >= 0),
    solver_p: choice<null>(null, []),
    ...sigmaFormulas,
    ...noFlow,
    ...spacing("linspace"),
    ...finalSigmas,
    rescale_betas_zero_snr: flag(false),
    shift_terminal: choice<null>(null, []),
  },
  HeunDiscreteScheduler: {
    ...betas(0.00085, 0.012),
    beta_schedule: choice("linear", ["scaled_linear", "squaredcos_cap_v2", "exp"]),
    prediction_type: prediction,
    ...sigmaFormulas,
    ...clipping(false),
    ...spacing("linspace"),
  },
  KDPM2DiscreteScheduler: kdpm2,
  KDPM2AncestralDiscreteScheduler: kdpm2,
  LMSDiscreteScheduler: {
    ...betas(0.0001, 0.02),
    beta_schedule: linearBetas,
    ...sigmaFormulas,
    prediction_type: prediction,
    ...spacing("linspace"),
  },
  LCMScheduler: distilled,
  TCDScheduler: distilled,
  IPNDMScheduler: {
    num_train_timesteps: whole(1000, 1, LONGEST_SCHEDULE),
    trained_betas: nullable(numbers("a list of numbers from 0 to 1", (value) => value >= 0 && value <= 1)),
  },
} as const satisfies Record<string, Readonly<Record<string, Field<unknown>>>>;
