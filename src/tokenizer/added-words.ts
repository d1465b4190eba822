import { type ClipTokenizer, framingTokenizer, lowerSigma } from "./clip-tokenizer.ts";

/** A word with tokens of its own, which stand for it wherever a prompt has it. */
export interface AddedWord {
  readonly text: string;
  readonly tokens: readonly number[];
}

/** A word as the tokenizer sees it: two words for which this is the same cannot be told apart in a prompt. */
export const asRead = (text: string): string => lowerSigma(text.normalize("NFC")).toLowerCase();

const escapeRegex = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** `tokenizer` for prompts in which words have tokens of their own; upper and lower case are the same, as in all of CLIP. */
export function withWords(tokenizer: ClipTokenizer, words: readonly AddedWord[]): ClipTokenizer {
  if (words.length === 0) return tokenizer;
  const longestFirst = [...words].sort((a, b) => b.text.length - a.text.length);
  const pattern = new RegExp(`(${longestFirst.map(({ text }) => escapeRegex(text.normalize("NFC"))).join("|")})`, "iu");
  const tokensOf = new Map(words.map(({ text, tokens }) => [asRead(text), tokens]));
  const texts = new Map(words.flatMap(({ text, tokens }) => tokens.map((token, i) => [token, i === 0 ? text : ""])));
  return framingTokenizer({
    ...tokenizer,
    units: (text) =>
      text
        .normalize("NFC")
        .split(pattern)
        .flatMap((part, i) => {
          // What stands between words is at even places; the pattern also takes ſ for s, the tokenizer does not.
          const tokens = i % 2 === 1 ? tokensOf.get(asRead(part)) : undefined;
          return tokens === undefined ? tokenizer.units(part) : [tokens];
        }),
    spell(ids) {
      const parts: string[] = [];
      let plain: number[] = [];
      const close = (): void => {
        if (plain.length > 0) parts.push(tokenizer.spell(plain));
        plain = [];
      };
      for (const id of ids) {
        const word = texts.get(id);
        if (word === undefined) plain.push(id);
        else {
          close();
          if (word !== "") parts.push(word);
        }
      }
      close();
      return parts.join(" ");
    },
  });
}
