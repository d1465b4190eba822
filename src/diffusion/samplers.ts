import { nearNames } from "../errors/near-names.ts";
import type { Sampler } from "./sampler.ts";
import type { SamplerOptions } from "./sampler-options.ts";
import { ddim } from "./samplers/ddim.ts";
import { ddpm } from "./samplers/ddpm.ts";
import { deis } from "./samplers/dpm-solver/deis.ts";
import { dpmSolverMultistep } from "./samplers/dpm-solver/dpm-solver-multistep.ts";
import { dpmSolverSde } from "./samplers/dpm-solver/dpm-solver-sde.ts";
import { dpmSolverSinglestep } from "./samplers/dpm-solver/dpm-solver-singlestep.ts";
import { saSolver } from "./samplers/dpm-solver/sa-solver.ts";
import { unipc } from "./samplers/dpm-solver/unipc.ts";
import { cosineDpmSolverMultistep } from "./samplers/edm/cosine-dpm-solver-multistep.ts";
import { edmDpmSolverMultistep } from "./samplers/edm/edm-dpm-solver-multistep.ts";
import { edmEuler } from "./samplers/edm/edm-euler.ts";
import { euler } from "./samplers/euler.ts";
import { eulerAncestral } from "./samplers/euler-ancestral.ts";
import { heun } from "./samplers/heun.ts";
import { kdpm2, kdpm2Ancestral } from "./samplers/kdpm2.ts";
import { lcm } from "./samplers/lcm.ts";
import { ipndm } from "./samplers/linear-multistep/ipndm.ts";
import { lms } from "./samplers/linear-multistep/lms.ts";
import { pndm } from "./samplers/linear-multistep/pndm.ts";
import { tcd } from "./samplers/tcd.ts";
import {
  type SchedulerClass,
  type SchedulerConfig,
  schedulerConfigAs,
  schedulerConfigName,
} from "./scheduler-config.ts";

type Option = Exclude<keyof SamplerOptions, "steps">;
type Algorithms = {
  readonly [Class in SchedulerClass]: {
    readonly build: (config: SchedulerConfig<Class>, options: SamplerOptions) => Sampler;
    /** The options that this algorithm takes beside the number of steps. */
    readonly takes: readonly Option[];
  };
};

const ALGORITHMS: Algorithms = {
  DDPMScheduler: { build: ddpm, takes: ["timesteps"] },
  DDIMScheduler: { build: ddim, takes: ["timesteps", "eta", "useClippedModelOutput", "signedNoise"] },
  PNDMScheduler: { build: pndm, takes: [] },
  EulerDiscreteScheduler: { build: euler, takes: ["timesteps", "sigmas", "churn"] },
  EulerAncestralDiscreteScheduler: { build: eulerAncestral, takes: [] },
  HeunDiscreteScheduler: { build: heun, takes: ["timesteps"] },
  KDPM2DiscreteScheduler: { build: kdpm2, takes: [] },
  KDPM2AncestralDiscreteScheduler: { build: kdpm2Ancestral, takes: [] },
  LMSDiscreteScheduler: { build: lms, takes: ["order"] },
  DPMSolverMultistepScheduler: { build: dpmSolverMultistep, takes: ["timesteps"] },
  DPMSolverSinglestepScheduler: { build: dpmSolverSinglestep, takes: ["timesteps"] },
  DEISMultistepScheduler: { build: deis, takes: [] },
  UniPCMultistepScheduler: { build: unipc, takes: [] },
  LCMScheduler: { build: lcm, takes: ["timesteps", "share"] },
  TCDScheduler: { build: tcd, takes: ["timesteps", "share", "eta"] },
  IPNDMScheduler: { build: ipndm, takes: [] },
  DPMSolverSDEScheduler: { build: dpmSolverSde, takes: [] },
  SASolverScheduler: { build: saSolver, takes: [] },
  EDMEulerScheduler: { build: edmEuler, takes: ["churn"] },
  EDMDPMSolverMultistepScheduler: { build: edmDpmSolverMultistep, takes: [] },
  CosineDPMSolverMultistepScheduler: { build: cosineDpmSolverMultistep, takes: [] },
};

/** The sampler that a scheduler config describes, laid out for the steps that `options` ask for. */
export function samplerFromConfig<Class extends SchedulerClass>(
  config: SchedulerConfig<Class>,
  options: SamplerOptions,
): Sampler {
  const className: Class = config.className;
  const { build, takes } = ALGORITHMS[className];
  const given = Object.entries(options).filter(([key, value]) => key !== "steps" && value !== undefined);
  const foreign = given.find(([key]) => !takes.some((option) => option === key));
  if (foreign)
    throw new TypeError(`Cannot build a ${className}: it takes no ${foreign[0]}; another sampler is required`);
  try {
    return build(config, options);
  } catch (error) {
    const file = schedulerConfigName(config);
    if (!(error instanceof RangeError) || file === undefined) throw error;
    throw new RangeError(`${error.message} (by "${file}")`, { cause: error });
  }
}

/** Whether the sampler of a scheduler class has a use for an option. */
export const takesOption = (className: SchedulerClass, option: Option): boolean =>
  ALGORITHMS[className].takes.includes(option);

interface Named {
  readonly className: SchedulerClass;
  readonly changes?: Readonly<Record<string, unknown>>;
}

const KARRAS = {
  use_karras_sigmas: true,
  use_exponential_sigmas: false,
  use_beta_sigmas: false,
  use_lu_lambdas: false,
};
/** From the last timestep on, evenly: Lin et al. 2023, §3.3. */
const TRAILING = { timestep_spacing: "trailing" };
const MULTISTEP = { className: "DPMSolverMultistepScheduler" } as const;
const MULTISTEP_ODE = { algorithm_type: "dpmsolver++", solver_order: 2 };
const MULTISTEP_SDE = { algorithm_type: "sde-dpmsolver++", solver_order: 2 };

const NAMED = {
  ddpm: { className: "DDPMScheduler" },
  ddim: { className: "DDIMScheduler" },
  "ddim-trailing": { className: "DDIMScheduler", changes: TRAILING },
  pndm: { className: "PNDMScheduler" },
  plms: { className: "PNDMScheduler", changes: { skip_prk_steps: true } },
  euler: { className: "EulerDiscreteScheduler" },
  "euler-karras": { className: "EulerDiscreteScheduler", changes: KARRAS },
  "euler-a": { className: "EulerAncestralDiscreteScheduler" },
  heun: { className: "HeunDiscreteScheduler" },
  "heun-karras": { className: "HeunDiscreteScheduler", changes: KARRAS },
  kdpm2: { className: "KDPM2DiscreteScheduler" },
  "kdpm2-karras": { className: "KDPM2DiscreteScheduler", changes: KARRAS },
  "kdpm2-a": { className: "KDPM2AncestralDiscreteScheduler" },
  "kdpm2-a-karras": { className: "KDPM2AncestralDiscreteScheduler", changes: KARRAS },
  lms: { className: "LMSDiscreteScheduler" },
  "lms-karras": { className: "LMSDiscreteScheduler", changes: KARRAS },
  "dpmpp-2m": { ...MULTISTEP, changes: MULTISTEP_ODE },
  "dpmpp-2m-trailing": { ...MULTISTEP, changes: { ...MULTISTEP_ODE, ...TRAILING } },
  "dpmpp-2m-karras": { ...MULTISTEP, changes: { ...MULTISTEP_ODE, ...KARRAS } },
  "dpmpp-2m-sde": { ...MULTISTEP, changes: MULTISTEP_SDE },
  "dpmpp-2m-sde-karras": { ...MULTISTEP, changes: { ...MULTISTEP_SDE, ...KARRAS } },
  "dpmpp-3m": { ...MULTISTEP, changes: { ...MULTISTEP_ODE, solver_order: 3 } },
  "dpmpp-3m-karras": { ...MULTISTEP, changes: { ...MULTISTEP_ODE, ...KARRAS, solver_order: 3 } },
  "dpm-single": { className: "DPMSolverSinglestepScheduler" },
  "dpm-single-karras": { className: "DPMSolverSinglestepScheduler", changes: KARRAS },
  deis: { className: "DEISMultistepScheduler" },
  unipc: { className: "UniPCMultistepScheduler" },
  "unipc-trailing": { className: "UniPCMultistepScheduler", changes: TRAILING },
  "unipc-karras": { className: "UniPCMultistepScheduler", changes: KARRAS },
  lcm: { className: "LCMScheduler" },
  tcd: { className: "TCDScheduler" },
  ipndm: { className: "IPNDMScheduler" },
  "dpmpp-sde": { className: "DPMSolverSDEScheduler" },
  "dpmpp-sde-karras": { className: "DPMSolverSDEScheduler", changes: KARRAS },
  sa: { className: "SASolverScheduler" },
  "sa-karras": { className: "SASolverScheduler", changes: KARRAS },
  "edm-euler": { className: "EDMEulerScheduler" },
  "edm-dpmpp-2m": { className: "EDMDPMSolverMultistepScheduler", changes: MULTISTEP_ODE },
  "cosine-dpmpp-2m-sde": { className: "CosineDPMSolverMultistepScheduler" },
} as const satisfies Record<string, Named>;

/** A sampler's name as users give it. */
export type SamplerName = keyof typeof NAMED;

/**
 * The sampler whose schedule is a list of timesteps in place of `name`'s spacing, which takes the same steps otherwise;
 * nothing where its class takes no list.
 */
export function listedSampler(name: SamplerName): SamplerName | undefined {
  const plain = name.replace(/-(?:karras|trailing)$/, "");
  return isSamplerName(plain) && takesOption(NAMED[plain].className, "timesteps") ? plain : undefined;
}

/** Every name that `samplerNamed` knows. */
export const SAMPLER_NAMES = Object.keys(NAMED) as readonly SamplerName[];

/** Whether `name` is one of `SAMPLER_NAMES`. */
export const isSamplerName = (name: string): name is SamplerName => Object.hasOwn(NAMED, name);

/**
 * The name of the samplers of a scheduler class, the first where it has several variants: a look-up, so that a config
 * that could not be converted to some other class has a name as well.
 */
export function samplerNameOf(className: SchedulerClass): SamplerName {
  const name = SAMPLER_NAMES.find((candidate) => NAMED[candidate].className === className);
  if (name === undefined) throw new TypeError(`No sampler is named for ${className}`);
  return name;
}

/** The config of the sampler called `name` for a model that was published with `base`. */
export function schedulerConfigNamed(name: string, base: SchedulerConfig): SchedulerConfig {
  if (!isSamplerName(name)) {
    const [near] = nearNames(name, SAMPLER_NAMES);
    const advice = near === undefined ? "" : `did you mean "${near}"? `;
    throw new RangeError(`No sampler is called "${name}"; ${advice}there are ${SAMPLER_NAMES.join(", ")}`);
  }
  const { className, changes }: Named = NAMED[name];
  return schedulerConfigAs(className, base, changes);
}

/** The sampler called `name` for a model that was published with `base`. */
export function samplerNamed(name: string, base: SchedulerConfig, options: SamplerOptions): Sampler {
  return samplerFromConfig(schedulerConfigNamed(name, base), options);
}
