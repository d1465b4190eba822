import { DeepCacheError } from "../errors/deepcache-error.ts";
import { FITS } from "../image/geometry/fit.ts";

interface OptionType {
  is(value: unknown): boolean;
  readonly required: string;
}

const isText = (value: unknown): boolean => typeof value === "string";
const flag: OptionType = { is: (value) => typeof value === "boolean", required: "true or false" };
const texts: OptionType = {
  is: (value) => isText(value) || (Array.isArray(value) && value.every(isText)),
  required: "a text or a list of texts",
};

/** What the values of options are that nothing below looks at before it uses them; numbers are checked with their ranges. */
const TYPES: Readonly<Record<string, OptionType>> = {
  prompt: texts,
  negativePrompt: texts,
  vaeTiling: flag,
  oneGenerator: flag,
  useClippedModelOutput: flag,
  fit: { is: (value) => FITS.some((fit) => fit === value), required: `one of ${FITS.join(", ")}` },
  signal: { is: (value) => value instanceof AbortSignal, required: "an AbortSignal" },
  onEvent: { is: (value) => typeof value === "function", required: "a function" },
};

/** Refuses options whose values are of another kind than the option's. */
export function checkOptionTypes(options: Readonly<Record<string, unknown>>): void {
  for (const [name, { is, required }] of Object.entries(TYPES)) {
    const value = options[name];
    if (value === undefined || is(value)) continue;
    const shown = JSON.stringify(value) ?? typeof value;
    throw new DeepCacheError(
      "OPTION_INVALID",
      `Cannot use ${shown.slice(0, 60)} as "${name}": ${required} is required`,
    );
  }
}
