import { formatPolicy, parsePolicyText } from "deepcache/deepcache/policies.ts";
import { PARAMETERS_KEYWORD, parseParameters } from "deepcache/image/parameters.ts";
import { readPngText } from "deepcache/image/png-text.ts";
import { FIRST_FORM, type Form, policyText, RANGES } from "./form.ts";

/** What the text of a picture says, as a form. */
export interface ReadSettings {
  readonly form: Form;
  /** What it says that the form has no field for. */
  readonly unknown: readonly string[];
}

/** A picture's settings, from the file that any Stable Diffusion program wrote; what it does not say is as in `base`. */
export function readSettings(png: Uint8Array, base: Form): ReadSettings {
  const text = readPngText(png)[PARAMETERS_KEYWORD];
  if (text === undefined) {
    throw new TypeError("Cannot read settings from this picture: it carries no text of how it was made");
  }
  return settingsFromText(text, base);
}

/** Names that say nothing that a form could hold. */
const IGNORED = new Set(["Model", "RNG", "Version", "Model hash", "Schedule type"]);

/** The same from the text alone. */
export function settingsFromText(text: string, base: Form): ReadSettings {
  const { prompt, negativePrompt, settings } = parseParameters(text);
  const read: Record<string, unknown> = { ...base, prompt, negativePrompt, clipSkip: 0 };
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(settings)) {
    if (!takeSetting(read, name, String(value)) && !IGNORED.has(name)) unknown.push(`${name}: ${value}`);
  }
  return { form: read as unknown as Form, unknown };
}

function takeSetting(read: Record<string, unknown>, name: string, value: string): boolean {
  switch (name) {
    case "Steps":
      return takeWhole(read, "steps", value);
    case "Seed":
      return takeWhole(read, "seed", value);
    case "Clip skip":
      return takeWhole(read, "clipSkip", String(Number(value) - 1)); // AUTOMATIC1111 counts the last layer as 1
    case "Size": {
      const [, width, height] = /^(\d+)x(\d+)$/.exec(value) ?? [];
      if (width === undefined || height === undefined) return false;
      return takeWhole(read, "width", width) && takeWhole(read, "height", height);
    }
    case "CFG scale":
      if (!Number.isFinite(Number(value))) return false;
      read["guidanceScale"] = value;
      return true;
    case "Sampler":
      read["sampler"] = value;
      return true;
    case "DeepCache":
      return takePolicy(read, value);
    default:
      return false;
  }
}

function takeWhole(read: Record<string, unknown>, key: keyof typeof RANGES, value: string): boolean {
  const [least, most] = RANGES[key];
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < least || number > most) return false;
  read[key] = number;
  return true;
}

function takePolicy(read: Record<string, unknown>, text: string): boolean {
  try {
    const policy = parsePolicyText(text);
    const { interval, branch } = { interval: 0, branch: 0, ...policy } as { interval: number; branch: number };
    const plain = (["copy", "forecast"] as const)
      .map((speed) => ({ speed, interval, branch }))
      .find((fields) => policyText({ ...FIRST_FORM, ...fields }) === formatPolicy(policy));
    Object.assign(read, plain ?? { speed: "policy", policy: text });
    return true;
  } catch {
    return false;
  }
}
