import { closest, distance } from "fastest-levenshtein";
import { DeepCacheError } from "../errors/deepcache-error.ts";

/** Diffusers' names of options that are called otherwise here; those that differ in spelling alone need no entry. */
const ALIASES: Readonly<Record<string, string>> = {
  numInferenceSteps: "steps",
  numImagesPerPrompt: "count",
  maskImage: "mask",
};

/** More letters than this wrong is no slip of the pen. */
const MOST_WRONG = 3;

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
  const nearest = closest(name, [...known]);
  const isNear = distance(name.toLowerCase(), nearest.toLowerCase()) <= MOST_WRONG;
  const advice = isNear ? `did you mean "${nearest}"?` : `there are ${known.join(", ")}`;
  return new DeepCacheError("OPTION_UNKNOWN", `No option of ${what} is called "${spelling}": ${advice}`);
}
