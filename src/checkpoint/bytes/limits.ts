const MAX_QUOTED_CHARACTERS = 200;

/** Whether `value` is a whole number from 0 up that a double holds exactly. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** `value` as JSON, short enough for a message and without control characters, whatever a file says. */
export function quote(value: unknown): string {
  const json = toJson(typeof value === "string" ? value.slice(0, MAX_QUOTED_CHARACTERS + 1) : value);
  return json.length > MAX_QUOTED_CHARACTERS ? `${json.slice(0, MAX_QUOTED_CHARACTERS)}…` : json;
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "missing";
  } catch {
    return "nested too deeply"; // JSON.parse reads any depth, JSON.stringify runs out of stack
  }
}

/** Characters that terminals obey instead of showing them; lines and tabs may stay. */
const CONTROL = /[^\P{Cc}\n\t]/gu;

/** `text` as a terminal may have it: what a file's names or a picture's text would have it do is shown instead. */
export const visible = (text: string): string =>
  text.replaceAll(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
