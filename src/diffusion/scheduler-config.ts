import { DeepCacheError } from "../errors/deepcache-error.ts";
import { LIMITS } from "../errors/limits.ts";
import { SCHEDULER_FIELDS } from "./scheduler-classes.ts";
import type { Field } from "./scheduler-fields.ts";

/** Name of a supported scheduler class of diffusers. */
export type SchedulerClass = keyof typeof SCHEDULER_FIELDS;

type Table = typeof SCHEDULER_FIELDS;
type Values<Fields> = { readonly [Name in keyof Fields]: Fields[Name] extends Field<infer T> ? T : never };
type Configs = {
  [Class in SchedulerClass]: Values<Table[Class]> & {
    readonly className: Class;
    /** The fields that the file holds, whether of this class or not: what another class may take over. */
    readonly given: Readonly<Record<string, unknown>>;
    /** Those of them that no class knows, and that change nothing. */
    readonly unknown: readonly string[];
  };
};

/** A scheduler config with every field of its class settled, under the names that diffusers gives them. */
export type SchedulerConfig<Class extends SchedulerClass = SchedulerClass> = Configs[Class];

/** A scheduler config that cannot be read. */
export class SchedulerConfigError extends DeepCacheError {
  override readonly name = "SchedulerConfigError";

  constructor(message: string, options?: ErrorOptions) {
    super("MODEL_UNSUPPORTED", message, options);
  }
}

/** Names of the supported scheduler classes. */
export const SCHEDULER_CLASSES = Object.keys(SCHEDULER_FIELDS) as SchedulerClass[];

/** Classes that differ from another only in what they do for several timesteps at once, which is not asked for here. */
const TWINS: ReadonlyMap<unknown, SchedulerClass> = new Map<unknown, SchedulerClass>([
  ["DDIMParallelScheduler", "DDIMScheduler"],
  ["DDPMParallelScheduler", "DDPMScheduler"],
]);

/** Fields of the first diffusers releases that never changed a sample; published files still carry them. */
const RETIRED_FIELDS = ["tensor_format", "timestep_values"];

/**
 * Fields of any class pass in a config of any other: published files carry them (Stable Diffusion 1.5 gives PNDM a
 * `clip_sample` for the sake of DDIM), and diffusers, too, keeps them for the class that has them. What no class knows
 * passes as well, as in diffusers, and is told.
 */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...Object.values(SCHEDULER_FIELDS).flatMap(Object.keys),
  ...RETIRED_FIELDS,
]);

const DEFAULT_NAME = "scheduler_config.json";

/** Reads the text of a scheduler_config.json, which Python may have written with `Infinity`. */
export function parseSchedulerConfig(text: string, name = DEFAULT_NAME): SchedulerConfig {
  if (text.length > LIMITS.scheduler.bytes.most) {
    throw refusal(name)(`it has ${text.length} characters, at most ${LIMITS.scheduler.bytes.most} are read`);
  }
  // A text that does not end is taken to the end of the file, so that its quotes are not looked at again.
  const strict = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*(?:"|$)|\bInfinity\b/gs, (match) =>
    match === "Infinity" ? "1e999" : match,
  );
  let json: unknown;
  try {
    json = JSON.parse(strict);
  } catch (cause) {
    throw new SchedulerConfigError(`Cannot read scheduler config "${name}": it is not JSON`, { cause });
  }
  return readSchedulerConfig(json, name);
}

/**
 * Reads a parsed scheduler config; keys that begin with an underscore are metadata. The class is `loadedAs` where the model's
 * own index settles it, whatever the config says of itself.
 */
export function readSchedulerConfig(json: unknown, name = DEFAULT_NAME, loadedAs?: string): SchedulerConfig {
  const refuse = refusal(name);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw refuse("it is not an object");
  const className: unknown = loadedAs ?? ("_class_name" in json ? json._class_name : undefined);
  const known = SCHEDULER_CLASSES.find((candidate) => candidate === className) ?? TWINS.get(className);
  if (known === undefined) {
    throw refuse(`_class_name is ${show(className)}; supported are ${SCHEDULER_CLASSES.join(", ")}`);
  }
  const settled = settle(known, Object.fromEntries(Object.entries(json).filter(([key]) => !key.startsWith("_"))), name);
  return named(settled, name === DEFAULT_NAME ? undefined : name);
}

/**
 * The config of another class made from `config`: fields that it gives and both have are taken over, the rest left out,
 * as `from_config` does in diffusers.
 */
export function schedulerConfigAs<Class extends SchedulerClass>(
  className: Class,
  config: SchedulerConfig,
  changes: Readonly<Record<string, unknown>> = {},
): SchedulerConfig<Class> {
  return named(settle(className, { ...config.given, ...changes }, convertedName(config, className)), NAMES.get(config));
}

function convertedName(config: SchedulerConfig, className: SchedulerClass): string {
  const file = NAMES.get(config);
  return `${file === undefined ? "" : `${file}: `}${config.className} as ${className}`;
}

function settle<Class extends SchedulerClass>(
  className: Class,
  given: Readonly<Record<string, unknown>>,
  name: string,
): SchedulerConfig<Class> {
  const refuse = refusal(name);
  const values: Record<string, unknown> = {};
  for (const [key, field] of Object.entries<Field<unknown>>(SCHEDULER_FIELDS[className])) {
    const found = Object.hasOwn(given, key) ? given[key] : field.fallback;
    const value = field.read(found);
    if (value === undefined) {
      throw refuse(`field "${key}" of ${className} is ${show(found)}, required is ${field.required}`);
    }
    values[key] = value;
  }
  const { num_train_timesteps: trained, steps_offset: offset } = values;
  if (typeof offset === "number" && offset >= Number(trained)) {
    throw refuse(`field "steps_offset" of ${className} is ${offset}, required is a number below ${trained}`);
  }
  const conflict = CONFLICTS.find(({ holds }) => holds(values));
  if (conflict) throw refuse(`${className} ${conflict.reason}`);
  const unknown = Object.keys(given).filter((key) => !KNOWN_FIELDS.has(key));
  return { ...values, className, given, unknown } as unknown as SchedulerConfig<Class>;
}

/** What messages call the file of a config, where it was told. */
const NAMES = new WeakMap<object, string>();

function named<Config extends SchedulerConfig>(config: Config, file: string | undefined): Config {
  if (file !== undefined) NAMES.set(config, file);
  return config;
}

/** What the file of a scheduler config is called, so that a run that it does not allow can say so. */
export const schedulerConfigName = (config: SchedulerConfig): string | undefined => NAMES.get(config);

const FORMULA_FLAGS = ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"] as const;

type FoundValues = Readonly<Record<string, unknown>>;

/** Combinations that no class can work with; most of them are errors in diffusers, too. */
const CONFLICTS: readonly { reason: string; holds: (values: FoundValues) => boolean }[] = [
  {
    reason: `can use only one of ${FORMULA_FLAGS.join(", ")}`,
    holds: (values) => FORMULA_FLAGS.filter((flag) => values[flag]).length > 1,
  },
  {
    reason: 'needs final_sigmas_type "sigma_min" where algorithm_type is "dpmsolver" or "sde-dpmsolver"',
    holds: ({ algorithm_type, final_sigmas_type }) =>
      (algorithm_type === "dpmsolver" || algorithm_type === "sde-dpmsolver") && final_sigmas_type === "zero",
  },
  {
    reason: "needs as many trained_betas as num_train_timesteps",
    holds: ({ trained_betas, num_train_timesteps, beta_schedule }) =>
      beta_schedule !== undefined && Array.isArray(trained_betas) && trained_betas.length !== num_train_timesteps,
  },
  {
    reason: "needs original_inference_steps of at most num_train_timesteps",
    holds: ({ original_inference_steps, num_train_timesteps }) =>
      Number(original_inference_steps) > Number(num_train_timesteps),
  },
];

const refusal =
  (name: string) =>
  (reason: string): SchedulerConfigError =>
    new SchedulerConfigError(`Cannot read scheduler config "${name}": ${reason}`);

function show(value: unknown): string {
  const text = typeof value === "number" ? `${value}` : toJson(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "missing";
  } catch {
    return "nested too deeply"; // JSON.parse reads any depth, JSON.stringify runs out of stack
  }
}
