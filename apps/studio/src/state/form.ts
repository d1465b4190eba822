import { type CachePolicy, formatPolicy, fullEvaluations, parsePolicyText } from "deepcache/deepcache/policies.ts";
import type { Job, OpenedModel, Variant } from "../engine/engine.ts";

/** How the accelerated run is chosen. */
export const SPEEDS = ["copy", "forecast", "fast", "balanced", "quality", "policy"] as const;

/** Whether both runs take turns, evaluation by evaluation, or the accelerated one comes first. */
export const ORDERS = ["turns", "fast"] as const;

/** One of `SPEEDS`. */
export type Speed = (typeof SPEEDS)[number];

/** What the visitor has set; empty texts leave it to the model. */
export interface Form {
  readonly model: string;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly steps: number;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly guidanceScale: string;
  readonly sampler: string;
  readonly clipSkip: number;
  readonly speed: Speed;
  readonly interval: number;
  readonly branch: number;
  /** Of a speed that is a policy. */
  readonly policy: string;
  readonly order: (typeof ORDERS)[number];
  /** A preview after every so many evaluations; 0 for none. */
  readonly previewEvery: number;
}

/** What a new visitor finds. */
export const FIRST_FORM: Form = {
  model: "",
  prompt: "a fox on a teal background",
  negativePrompt: "",
  steps: 20,
  seed: 1,
  width: 64,
  height: 64,
  guidanceScale: "",
  sampler: "dpmpp-2m-karras",
  clipSkip: 0,
  speed: "forecast",
  interval: 3,
  branch: 0,
  policy: "centered:3:5:1.4",
  order: "turns",
  previewEvery: 1,
};

/** The most that fields take; engines may refuse less. */
export const RANGES = {
  steps: [1, 250],
  seed: [0, 2 ** 32 - 1],
  interval: [1, 20],
  branch: [0, 15],
  clipSkip: [0, 11],
  previewEvery: [0, 50],
  width: [8, 2048],
  height: [8, 2048],
} as const satisfies Partial<Record<keyof Form, readonly [number, number]>>;

/** Whether sampler and steps are the preset's. */
export const isPreset = (speed: Speed): speed is "fast" | "balanced" | "quality" =>
  speed === "fast" || speed === "balanced" || speed === "quality";

/** The policy of the accelerated run as text; none for presets. */
export function policyText({ speed, interval, branch, policy }: Form): string | undefined {
  switch (speed) {
    case "copy":
      return `uniform:${interval}:${branch}`;
    case "forecast":
      return `uniform:${interval}:${branch}+warmup:2+forecast:0.75`;
    case "policy":
      return policy.trim();
    default:
      return undefined;
  }
}

/** What is wrong with a form, field by field, in one sentence each. */
export type Problems = Readonly<Partial<Record<keyof Form, string>>>;

/** Checks a form for a model, as far as that can be told before the model runs. */
export function problemsOf(form: Form, model?: OpenedModel): Problems {
  const found: Partial<Record<keyof Form, string>> = {};
  for (const [name, [least, most]] of Object.entries(RANGES) as [keyof typeof RANGES, readonly [number, number]][]) {
    const value = form[name];
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      found[name] = `A whole number from ${least} to ${most} is required.`;
    }
  }
  if (form.prompt.trim() === "") found.prompt = "Say what the picture should show.";
  const guidance = form.guidanceScale.trim();
  if (guidance !== "" && !Number.isFinite(Number(guidance))) found.guidanceScale = "A number is required.";
  for (const side of ["width", "height"] as const) {
    if (model !== undefined && found[side] === undefined && form[side] % model.multipleOf !== 0) {
      found[side] = `A multiple of ${model.multipleOf} is required.`;
    }
  }
  const text = policyText(form);
  if (text !== undefined && found.interval === undefined && found.branch === undefined) {
    try {
      parsePolicyText(text);
    } catch (error) {
      found[form.speed === "policy" ? "policy" : "interval"] = `${(error as Error).message}.`;
    }
  }
  return found;
}

/** The job that a form asks for: the original, and the accelerated run beside it. */
export function jobOf(form: Form, variants: readonly Variant[] = [original(form), accelerated(form)]): Job {
  const { model, prompt, negativePrompt, seed, width, height, guidanceScale, clipSkip, previewEvery } = form;
  return {
    model,
    options: {
      ...{ prompt, seed, width, height },
      ...(negativePrompt.trim() === "" ? {} : { negativePrompt }),
      ...(guidanceScale.trim() === "" ? {} : { guidanceScale: Number(guidanceScale) }),
      ...(clipSkip === 0 ? {} : { clipSkip }),
      ...(previewEvery === 0 ? {} : { previewEvery }),
    },
    variants,
  };
}

/** The jobs of a form one after another, with the lanes of the pair that their runs are. */
export function jobsOf(form: Form): readonly { readonly job: Job; readonly lanes: readonly (0 | 1)[] }[] {
  if (form.order === "turns") return [{ job: jobOf(form), lanes: [0, 1] }];
  return [
    { job: jobOf(form, [accelerated(form)]), lanes: [1] },
    { job: jobOf(form, [original(form)]), lanes: [0] },
  ];
}

const ownSampler = ({ sampler }: Form): { readonly sampler?: string } => (sampler === "" ? {} : { sampler });

/** The run without a cache. */
export const original = (form: Form): Variant => ({ cache: "off", steps: form.steps, ...ownSampler(form) });

/** The run that is to be faster. */
export function accelerated(form: Form): Variant {
  if (isPreset(form.speed)) return { preset: form.speed };
  return { cache: policyText(form) ?? "off", steps: form.steps, ...ownSampler(form) };
}

/** How a variant is called in the page: `N=3 · branch 0`, `preset fast`, `12 steps`. */
export function variantName({ cache, preset, steps }: Variant): string {
  if (preset !== undefined) return `preset ${preset}`;
  if (cache === undefined || cache === "off") return `${steps} steps`;
  return policyName(parsePolicyText(cache));
}

/** The same in as few letters as a plot has room for. */
export const shortName = (name: string): string =>
  name.replace(" · branch ", " b").replace(" · forecast", "+f").replace("preset ", "");

/** A policy in few words. */
export function policyName(policy: CachePolicy): string {
  if (policy.kind === "off") return "no cache";
  const text = formatPolicy(policy);
  if (policy.kind !== "uniform") return text;
  const forecast = policy.forecast === undefined ? "" : " · forecast";
  return `N=${policy.interval} · branch ${policy.branch}${forecast}`;
}

/** How many times fewer operations a form's accelerated run takes, and the most that its branch allows; none for presets. */
export function estimate(
  form: Form,
  branches: OpenedModel["branches"],
): { readonly speedup: number; readonly limit: number } | undefined {
  const text = policyText(form);
  if (text === undefined) return undefined;
  try {
    const policy = parsePolicyText(text);
    const share = branches.find(({ branch }) => "branch" in policy && branch === policy.branch)?.share;
    if (share === undefined) return undefined;
    const full = fullEvaluations(policy, form.steps).length;
    return { speedup: form.steps / (full + (form.steps - full) * share), limit: 1 / share };
  } catch {
    return undefined; // the field says what is wrong
  }
}
