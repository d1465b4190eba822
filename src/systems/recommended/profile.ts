import { quote } from "../../checkpoint/bytes/limits.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import type { CachePolicy } from "../../deepcache/policies.ts";
import { parsePolicy } from "../../deepcache/policies.ts";
import { isSamplerName, type SamplerName } from "../../diffusion/samplers.ts";

/** Which network a profile is for: its architecture, and a digest of its tensors' names and shapes. */
export interface ProfiledNetwork {
  readonly architecture: string;
  readonly unet: string;
}

/** Mean of a paired difference in dB and half of its 95 % interval. */
export interface Difference {
  readonly mean: number;
  readonly halfWidth: number;
}

/** What a setting gave on prompts and seeds that it was not tuned on. */
export interface Checked {
  readonly images: number;
  /** Mean over images of the PSNR to the reference run, dB. */
  readonly psnr: number;
  /** Above the best run without a cache of at least the same compute; its timesteps where they were tuned as well. */
  readonly aboveUncached: Difference & {
    readonly sampler: string;
    readonly steps: number;
    readonly timesteps?: readonly number[] | undefined;
    readonly psnr: number;
  };
  /** Above a copied uniform cache of the same sampler, steps and number of full evaluations. */
  readonly aboveCopied?: (Difference & { readonly psnr: number }) | undefined;
}

/** One tuned setting: everything that a run needs to be told. */
export interface TunedPoint {
  /** In full-step equivalents, as asked for. */
  readonly budget: number;
  /** What it takes. */
  readonly fse: number;
  readonly sampler: SamplerName;
  readonly steps: number;
  /** The timesteps themselves, highest first, where they were tuned; the sampler's own where left out. */
  readonly timesteps?: readonly number[] | undefined;
  readonly cache: CachePolicy;
  readonly guidanceScale?: number | undefined;
  readonly checked: Checked;
}

/** What `tune` finds, as a file holds it. */
export interface Profile {
  readonly format: 1;
  readonly version: string;
  readonly model: ProfiledNetwork;
  /** The run that all others are compared with. */
  readonly reference: { readonly sampler: string; readonly steps: number };
  readonly points: readonly TunedPoint[];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

const isDifference = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isObject(value) && [value["mean"], value["halfWidth"], value["psnr"]].every(isNumber);

/** Whether a value says what a setting gave on images that it was not tuned on. */
export function isChecked(value: unknown): value is Checked {
  if (!isObject(value) || !isNumber(value["images"]) || !isNumber(value["psnr"])) return false;
  const { aboveUncached: rival, aboveCopied } = value;
  if (!isDifference(rival) || typeof rival["sampler"] !== "string" || !isNumber(rival["steps"])) return false;
  return aboveCopied === undefined || isDifference(aboveCopied);
}

/** Parsed JSON as a profile; `source` names it in errors. */
export function readProfile(json: unknown, source: string): Profile {
  const refuse = (problem: string): never => {
    throw new CheckpointError(`Cannot read the profile "${source}": ${problem}`);
  };
  if (!isObject(json)) return refuse("it holds no object");
  const { format, version, model, reference, points } = json;
  if (format !== 1) refuse(`its format is ${quote(format)}, and 1 is required`);
  if (!isObject(model) || typeof model["architecture"] !== "string" || typeof model["unet"] !== "string") {
    return refuse('"model" does not name a network');
  }
  if (!isObject(reference) || typeof reference["sampler"] !== "string" || !isNumber(reference["steps"])) {
    return refuse('"reference" is no run');
  }
  if (!Array.isArray(points) || points.length === 0) return refuse('"points" holds no setting');
  return {
    format: 1,
    version: typeof version === "string" ? version : "",
    model: { architecture: model["architecture"], unet: model["unet"] },
    reference: { sampler: reference["sampler"], steps: reference["steps"] },
    points: points.map((point: unknown, i) => readPoint(point, (problem) => refuse(`setting ${i + 1} ${problem}`))),
  };
}

const isTimesteps = (value: unknown): value is readonly number[] =>
  Array.isArray(value) &&
  value.every((timestep, i) => Number.isSafeInteger(timestep) && timestep >= 0 && (i === 0 || timestep < value[i - 1]));

function readPoint(point: unknown, refuse: (problem: string) => never): TunedPoint {
  if (!isObject(point)) return refuse("is no object");
  const { budget, fse, sampler, steps, timesteps, cache, checked, guidanceScale } = point;
  if (!isNumber(budget) || !isNumber(fse)) return refuse('has no "budget" and "fse"');
  if (typeof sampler !== "string" || !isSamplerName(sampler)) return refuse(`has the sampler ${quote(sampler)}`);
  if (!isNumber(steps) || !Number.isSafeInteger(steps) || steps < 1) return refuse(`has ${quote(steps)} steps`);
  if (timesteps !== undefined && !(isTimesteps(timesteps) && timesteps.length === steps)) {
    return refuse(`has ${quote(timesteps)} as timesteps: ${steps} whole numbers that fall are required`);
  }
  if (!isChecked(checked)) return refuse('has no "checked" with what it gave on other images');
  try {
    const policy = parsePolicy(cache);
    const scale = isNumber(guidanceScale) ? { guidanceScale } : {};
    const listed = timesteps === undefined ? {} : { timesteps };
    return { budget, fse, sampler, steps, ...listed, cache: policy, ...scale, checked };
  } catch (error) {
    return refuse(`has no cache policy: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The setting of a profile for a budget, or the only one. */
export function pointOf({ points }: Profile, budget: number | undefined, source: string): TunedPoint {
  const [first] = points;
  const found =
    budget === undefined ? (points.length === 1 ? first : undefined) : points.find((point) => point.budget === budget);
  if (found !== undefined) return found;
  const budgets = points.map((point) => point.budget).join(", ");
  throw new RangeError(
    budget === undefined
      ? `Cannot choose from the profile "${source}": it has settings for ${budgets} full-step equivalents; add one behind @, as in "${source}@${first?.budget}"`
      : `Cannot find ${budget} full-step equivalents in the profile "${source}": it has ${budgets}`,
  );
}

/** The setting whose compute is nearest to `fse`, where it is within a tenth of it and `fits`. */
export function nearestPoint(
  { points }: Profile,
  fse: number,
  fits: (point: TunedPoint) => boolean = () => true,
): TunedPoint | undefined {
  const off = (point: TunedPoint): number => Math.abs(point.fse / fse - 1);
  return points.filter((point) => fits(point) && off(point) <= 0.1).sort((a, b) => off(a) - off(b))[0];
}

/** Refuses a profile of another network than `network`. */
export function checkProfile({ model }: Profile, network: ProfiledNetwork, source: string): void {
  if (model.unet === network.unet) return;
  throw new RangeError(
    `Cannot use the profile "${source}" with this model: it was tuned for a U-Net of architecture "${model.architecture}" ` +
      `(${model.unet.slice(0, 12)}), and this one is "${network.architecture}" (${network.unet.slice(0, 12)})`,
  );
}
