import { type CachePolicy, checkPolicy } from "../deepcache/policy.ts";
import { SAMPLER_NAMES } from "../diffusion/samplers.ts";
import type { EvaluatedPolicy } from "../evaluation/items.ts";
import { parseNumber, parseWhole, UsageError } from "./usage.ts";

const FORMS =
  "off, uniform:INTERVAL:BRANCH, centered:INTERVAL:CENTER:POWER:BRANCH, quadratic:INTERVAL:POWER:BRANCH, steps:N or SAMPLER:N";

/** Parses "off,uniform:3:0,centered:5:15:1.4:1,steps:25,dpmpp-2m:20". */
export function parsePolicies(flag: string, text: string): EvaluatedPolicy[] {
  const policies = text.split(",").map((item) => parseOne(flag, item.trim()));
  const names = policies.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`Cannot use ${flag} ${text}: "${twice}" is there twice`);
  return policies;
}

function parseOne(flag: string, name: string): EvaluatedPolicy {
  const [kind = "", ...values] = name.split(":");
  const whole = (text: string | undefined, least: number): number => parseWhole(`${flag} ${name}`, text ?? "", least);
  const cached = (count: number, cache: () => CachePolicy): EvaluatedPolicy => {
    if (values.length !== count) throw new UsageError(`Cannot use ${flag} "${name}": allowed are ${FORMS}`);
    return { name, cache: checkPolicy(cache()) };
  };
  const [first, second, third, fourth] = values;
  switch (kind) {
    case "off":
      return cached(0, () => ({ kind: "off" }));
    case "uniform":
      return cached(2, () => ({ kind, interval: whole(first, 1), branch: whole(second, 0) }));
    case "centered":
      return cached(4, () => ({
        ...{ kind, interval: whole(first, 1), center: whole(second, 0) },
        ...{ power: parseNumber(`${flag} ${name}`, third ?? ""), branch: whole(fourth, 0) },
      }));
    case "quadratic":
      return cached(3, () => ({
        ...{ kind, interval: whole(first, 1) },
        ...{ power: parseNumber(`${flag} ${name}`, second ?? ""), branch: whole(third, 0) },
      }));
    case "steps":
      return { ...cached(1, () => ({ kind: "off" })), steps: whole(first, 1) };
  }
  const sampler = kind.replaceAll("_", "-");
  if (!(SAMPLER_NAMES as readonly string[]).includes(sampler)) {
    throw new UsageError(`Cannot use ${flag} "${name}": allowed are ${FORMS}`);
  }
  return { ...cached(1, () => ({ kind: "off" })), sampler, steps: whole(first, 1) };
}
