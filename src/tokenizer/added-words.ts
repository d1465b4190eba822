import { type ClipTokenizer, framingTokenizer } from "./clip-tokenizer.ts";

/** A word with tokens of its own, which stand for it wherever a prompt has it. */
export interface AddedWord {
  readonly text: string;
  readonly tokens: readonly number[];
}

const escapeRegex = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** `tokenizer` for prompts in which words have tokens of their own; upper and lower case are the same, as in all of CLIP. */
export function withWords(tokenizer: ClipTokenizer, words: readonly AddedWord[]): ClipTokenizer {
  if (words.length === 0) return tokenizer;
  const longestFirst = [...words].sort((a, b) => b.text.length - a.text.length);
  const pattern = new RegExp(`(${longestFirst.map(({ text }) => escapeRegex(text)).join("|")})`, "iu");
  const tokensOf = new Map(words.map(({ text, tokens }) => [text.toLowerCase(), tokens]));
  const texts = new Map(words.flatMap(({ text, tokens }) => tokens.map((token, i) => [token, i === 0 ? text : ""])));
  return framingTokenizer({
    ...tokenizer,
    // What stands between words is at even places.
    tokens: (text) =>
      text
        .split(pattern)
        .flatMap((part, i) => (i % 2 === 1 ? (tokensOf.get(part.toLowerCase()) ?? []) : tokenizer.tokens(part))),
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
