import { DeepCacheError } from "../errors/deepcache-error.ts";
import { nearNames } from "../errors/near-names.ts";

/** Diffusers' names of options that are called otherwise here; those that differ in spelling alone need no entry. */
const ALIASES: Readonly<Record<string, string>> = {
  numInferenceSteps: "steps",
  numImagesPerPrompt: "count",
  maskImage: "mask",
};

/**
 * What `given` says under the names in `known`. Diffusers' spellings pass (`num_inference_steps` is `steps`); any other name
 * is refused with the one that it is nearest to. What is undefined counts as left out.
 */
export function namedOptions(given: object, known: readonly string[], what: string): Record<string, unknown> {
  const named = new Map<string, { readonly spelling: string; readonly value: unknown }>();
  for (const [spelling, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const name = known.includes(spelling) ? spelling : ourName(spelling);
    if (!known.includes(name)) throw unknownOption(spelling, name, known, what);
    const before = named.get(name);
    if (before !== undefined) {
      throw new DeepCacheError(
        "OPTION_INVALID",
        `Cannot use both "${before.spelling}" and "${spelling}": they are the same option`,
      );
    }
    named.set(name, { spelling, value });
  }
  return Object.fromEntries([...named].map(([name, { value }]) => [name, value]));
}

function ourName(spelling: string): string {
  const camel = spelling.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return ALIASES[camel] ?? camel;
}

function unknownOption(spelling: string, name: string, known: readonly string[], what: string): DeepCacheError {
  const [near] = nearNames(name, known);
  const advice = near === undefined ? `there are ${known.join(", ")}` : `did you mean "${near}"?`;
  return new DeepCacheError("OPTION_UNKNOWN", `No option of ${what} is called "${spelling}": ${advice}`);
}
