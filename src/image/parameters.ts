import { LIMITS } from "../errors/limits.ts";

/** How an image was made, as it is written into the PNG text entry `parameters` that other programs read too. */
export interface GenerationParameters {
  readonly prompt: string;
  readonly negativePrompt?: string;
  /** Further settings in order, such as `Steps`, `Sampler`, `CFG scale`, `Seed`, `Size`, `Model` and `DeepCache`. */
  readonly settings: Readonly<Record<string, string | number>>;
}

/** The keyword of the PNG text entry. */
export const PARAMETERS_KEYWORD = "parameters";

const NEGATIVE = "Negative prompt:";
/** What a reader that splits lines takes for the beginning of the negative prompt; text encoders see a blank in both. */
const [FORGED, ESCAPED] = [/^(\s*Negative) (?=prompt:)/, /^(\s*Negative)\u00a0(?=prompt:)/];
const { most: LONGEST_NAME } = LIMITS.png.nameCharacters;
const NAME = new RegExp(String.raw`^\w[\w \-/]{1,${LONGEST_NAME - 1}}$`);
/** Bounded, so that reading takes no longer than the text is. */
const SETTING = new RegExp(String.raw`(\w[\w \-/]{1,${LONGEST_NAME - 1}}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)`, "g");
/** Readers take a last line with fewer settings for a part of the prompt. */
const FEWEST_SETTINGS = 3;

/** The text: prompt, negative prompt and settings, each from a new line. */
export function formatParameters({ prompt, negativePrompt = "", settings }: GenerationParameters): string {
  const written = Object.entries(settings).map(([name, value]) => {
    if (!NAME.test(name)) {
      throw new RangeError(
        `Cannot write setting "${name}": a name is two or more letters, digits, spaces, "-", "/", at most ${LONGEST_NAME} of them`,
      );
    }
    return `${name}: ${quoted(String(value))}`;
  });
  const negative = negativePrompt === "" ? [] : [`${NEGATIVE} ${escaped(negativePrompt)}`];
  return [escaped(prompt), ...negative, written.join(", ")].join("\n");
}

/** Reads what `formatParameters` and Stable Diffusion programs write; spaces around lines of prompts are lost. */
export function parseParameters(text: string): Required<GenerationParameters> {
  const lines = text.trim().split("\n");
  const found = [...(lines.at(-1) ?? "").matchAll(SETTING)];
  const hasSettings = found.length >= FEWEST_SETTINGS;
  if (hasSettings) lines.pop();
  const trimmed = lines.map((line) => line.trim());
  const start = trimmed.findIndex((line) => line.startsWith(NEGATIVE));
  const end = start < 0 ? trimmed.length : start;
  const negative = trimmed
    .slice(end)
    .map((line) => (line.startsWith(NEGATIVE) ? line.slice(NEGATIVE.length).trim() : line));
  return {
    prompt: trimmed.slice(0, end).map(unescaped).join("\n"),
    negativePrompt: negative.map(unescaped).join("\n"),
    settings: hasSettings ? Object.fromEntries(found.map(([, name, value]) => [name!, unquoted(value!)])) : {},
  };
}

/** A prompt with a line that begins as the negative prompt does must not pass for one. */
const escaped = (prompt: string): string =>
  prompt
    .split("\n")
    .map((line) => line.replace(FORGED, "$1\u00a0"))
    .join("\n");

const unescaped = (line: string): string => line.replace(ESCAPED, "$1 ");

/** Quotes what would be cut short or trimmed when read back. */
const quoted = (value: string): string => (/[,:"\\\p{Cc}]|^\s|\s$/u.test(value) ? JSON.stringify(value) : value);

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value.trim();
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
