import {
  type CachePolicy,
  isPolicySettingText,
  isPolicyText,
  POLICY_NAMES,
  POLICY_SETTINGS_SYNTAX,
  POLICY_SYNTAX,
  parsePolicyText,
} from "../../deepcache/policies.ts";
import { isSamplerName, SAMPLER_NAMES, type SamplerName } from "../../diffusion/samplers.ts";
import { PRECISIONS, type Precision } from "../../runtime/precision.ts";

/** One way to run a model, to be measured beside others: a cache, fewer steps, another sampler or precision, or some of these. */
export interface Scenario {
  /** The text that it was read from, such as `uniform:5:0`. */
  readonly name: string;
  readonly policy: CachePolicy;
  /** The caller's own number where left out. */
  readonly steps?: number;
  /** The model's own where left out. */
  readonly sampler?: SamplerName;
  /** The caller's own where left out. */
  readonly precision?: Precision;
}

/** How scenarios are written, for help texts. */
export const SCENARIO_SYNTAX = `${POLICY_SYNTAX} (each also with ${POLICY_SETTINGS_SYNTAX}), steps:COUNT, SAMPLER:COUNT, ${PRECISIONS.join(", ")}, or several of them joined by +, such as dpmpp-2m:20+uniform:2:0 or uniform:5:0+int8`;

/** Reads a list such as `off,uniform:5:0,steps:25,dpmpp-2m:20`. */
export function parseScenarios(text: string): Scenario[] {
  const scenarios = text.split(",").map((item) => parseScenario(item));
  const names = new Map<string, string>();
  for (const { name, ...run } of scenarios) {
    const key = JSON.stringify(run);
    const other = names.get(key);
    if (other !== undefined) {
      const known = other === name ? "" : `: "${other}" is the same`;
      throw new RangeError(`Cannot run the scenario "${name}" twice in one list${known}`);
    }
    names.set(key, name);
  }
  return scenarios;
}

/**
 * Reads one scenario: a cache policy, `steps:25` for fewer steps without a cache, `dpmpp-2m:20` for another sampler and
 * its steps, `int8` for what the network is computed in, or several of these joined by `+`, such as
 * `dpmpp-2m:20+uniform:2:0+warmup:2+forecast:0.75`.
 */
export function parseScenario(text: string): Scenario {
  const name = text.trim();
  let policy: string | undefined;
  const settings: string[] = [];
  let schedule: Schedule | undefined;
  let precision: Precision | undefined;
  for (const part of name.split("+")) {
    if (isPolicyText(part)) {
      if (policy !== undefined) throw refusal(name, "it has two cache policies");
      policy = part.trim();
    } else if (isPolicySettingText(part)) {
      settings.push(part.trim());
    } else if (isPrecision(part.trim())) {
      if (precision !== undefined) throw refusal(name, "it gives the precision twice");
      precision = part.trim() as Precision;
    } else {
      if (schedule !== undefined) throw refusal(name, "it gives the steps twice");
      schedule = readSchedule(part.trim(), name);
    }
  }
  const [orphan] = settings;
  if (policy === undefined && orphan !== undefined) throw refusal(name, `"${orphan}" has no cache policy before it`);
  const whole = policy === undefined ? "off" : [policy, ...settings].join("+");
  return { name, policy: parsePolicyText(whole), ...schedule, ...(precision === undefined ? {} : { precision }) };
}

const isPrecision = (text: string): boolean => PRECISIONS.some((known) => known === text);

type Schedule = Pick<Scenario, "steps" | "sampler">;

function readSchedule(part: string, scenario: string): Schedule {
  const [word = "", ...values] = part.split(":").map((value) => value.trim());
  const sampler = word.replaceAll("_", "-");
  if (word !== "steps" && !isSamplerName(sampler)) {
    throw refusal(
      scenario,
      `"${word}" is none of ${[...POLICY_NAMES, "steps", ...PRECISIONS, ...SAMPLER_NAMES].join(", ")}`,
    );
  }
  const [count = ""] = values;
  if (values.length !== 1) throw refusal(scenario, `"${word}" is written ${word}:STEPS`);
  const steps = Number(count);
  if (count === "" || Number.isNaN(steps)) throw refusal(scenario, `"${count}" is not a number`);
  if (!Number.isSafeInteger(steps) || steps < 1) throw refusal(scenario, `${steps} steps are no whole number from 1`);
  return isSamplerName(sampler) ? { steps, sampler } : { steps };
}

const refusal = (scenario: string, reason: string): RangeError =>
  new RangeError(`Cannot read the scenario "${scenario}": ${reason}`);
