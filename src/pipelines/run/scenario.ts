import { type CachePolicy, checkPolicy } from "../../deepcache/policy.ts";
import { isSamplerName, SAMPLER_NAMES, type SamplerName } from "../../diffusion/samplers.ts";

/** One way to run a model, to be measured beside others: a cache, fewer steps, another sampler, or some of these. */
export interface Scenario {
  /** The text that it was read from, such as `uniform:5:0`. */
  readonly name: string;
  readonly policy: CachePolicy;
  /** The caller's own number where left out. */
  readonly steps?: number;
  /** The model's own where left out. */
  readonly sampler?: SamplerName;
}

/** The numbers of each policy in the order in which they are written. */
const POLICIES = {
  off: { fields: [], policy: (): CachePolicy => ({ kind: "off" }) },
  uniform: {
    fields: ["interval", "branch"],
    policy: ([interval = 1, branch = 0]): CachePolicy => ({ kind: "uniform", interval, branch }),
  },
  centered: {
    fields: ["interval", "center", "power", "branch"],
    policy: ([interval = 1, center = 0, power = 0, branch = 0]): CachePolicy => ({
      kind: "centered",
      interval,
      center,
      power,
      branch,
    }),
  },
  quadratic: {
    fields: ["interval", "power", "branch"],
    policy: ([interval = 1, power = 0, branch = 0]): CachePolicy => ({ kind: "quadratic", interval, power, branch }),
  },
} as const satisfies Record<
  string,
  { readonly fields: readonly string[]; readonly policy: (values: readonly number[]) => CachePolicy }
>;

type PolicyName = keyof typeof POLICIES;
const isPolicyName = (name: string): name is PolicyName => Object.hasOwn(POLICIES, name);

/** How scenarios are written, for help texts. */
export const SCENARIO_SYNTAX =
  "off, uniform:INTERVAL:BRANCH, centered:INTERVAL:CENTER:POWER:BRANCH, quadratic:INTERVAL:POWER:BRANCH, " +
  "full:0/10/20:BRANCH, steps:COUNT, SAMPLER:COUNT, or several of them joined by +, such as dpmpp-2m:20+uniform:2:0";

/** Reads a list such as `off,uniform:5:0,steps:25,dpmpp-2m:20`. */
export function parseScenarios(text: string): Scenario[] {
  const scenarios = text.split(",").map((item) => parseScenario(item));
  const twice = scenarios.find(({ name }, i) => scenarios.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) throw new RangeError(`Cannot run the scenario "${twice.name}" twice in one list`);
  return scenarios;
}

/**
 * Reads one scenario: a policy with its numbers, `steps:25` for fewer steps without a cache, `dpmpp-2m:20` for another
 * sampler and its steps, or several of these joined by `+`.
 */
export function parseScenario(text: string): Scenario {
  const name = text.trim();
  let policy: CachePolicy | undefined;
  let schedule: Pick<Scenario, "steps" | "sampler"> | undefined;
  for (const part of name.split("+")) {
    const read = readPart(part.trim(), name);
    if ("kind" in read) {
      if (policy !== undefined) throw refusal(name, "it has two cache policies");
      policy = read;
    } else {
      if (schedule !== undefined) throw refusal(name, "it gives the steps twice");
      schedule = read;
    }
  }
  return { name, policy: policy ?? { kind: "off" }, ...schedule };
}

function readPart(part: string, scenario: string): CachePolicy | Pick<Scenario, "steps" | "sampler"> {
  const [word = "", ...values] = part.split(":").map((value) => value.trim());
  if (isPolicyName(word)) {
    const { fields, policy } = POLICIES[word];
    requireCount(scenario, word, fields, values);
    return checkPolicy(policy(values.map((value) => readNumber(value, scenario))));
  }
  if (word === "full") {
    requireCount(scenario, word, ["list", "branch"], values);
    const [list = "", branch = ""] = values;
    const full = list.split("/").map((value) => readNumber(value, scenario));
    return checkPolicy({ kind: "steps", full, branch: readNumber(branch, scenario) });
  }
  const sampler = word.replaceAll("_", "-");
  if (word !== "steps" && !isSamplerName(sampler)) {
    const known = [...Object.keys(POLICIES), "full", "steps", ...SAMPLER_NAMES];
    throw refusal(scenario, `"${word}" is none of ${known.join(", ")}`);
  }
  requireCount(scenario, word, ["steps"], values);
  const steps = readNumber(values[0] ?? "", scenario);
  if (!Number.isSafeInteger(steps) || steps < 1) throw refusal(scenario, `${steps} steps are no whole number from 1`);
  return isSamplerName(sampler) ? { steps, sampler } : { steps };
}

function requireCount(scenario: string, word: string, fields: readonly string[], values: readonly string[]): void {
  if (values.length === fields.length) return;
  const form = [word, ...fields.map((field) => field.toUpperCase())].join(":");
  throw refusal(scenario, `"${word}" is written ${form}`);
}

function readNumber(text: string, scenario: string): number {
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) throw refusal(scenario, `"${text}" is not a number`);
  return value;
}

const refusal = (scenario: string, reason: string): RangeError =>
  new RangeError(`Cannot read the scenario "${scenario}": ${reason}`);
