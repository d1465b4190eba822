/** Words of policies that older versions wrote, and what the kinds are called now. */
const FORMER_KINDS = new Map<unknown, string>([["steps", "listed"]]);
const FORMER_WORDS = new Map([["full", "listed"]]);

/** The kind that data gives, by today's name. */
export const currentKind = (kind: unknown): unknown => FORMER_KINDS.get(kind) ?? kind;

/** The first word of a text, by today's name: `full:0/10:0` was a list. */
export const currentWord = (word: string): string => FORMER_WORDS.get(word) ?? word;

/** The data of a text such as `interval=5, branch=0, mode=uniform`, as older images have it; nothing for other texts. */
export function formerData(text: string): object | undefined {
  if (!/\bmode=/.test(text)) return undefined;
  const entries = text.split(",").map((part) => {
    const [name = "", value = ""] = part.split("=").map((side) => side.trim());
    if (name === "mode") return ["kind", value];
    return [name, name === "full" ? value.split(/\s+/).map(Number) : Number(value)];
  });
  return Object.fromEntries(entries);
}
