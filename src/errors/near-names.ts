import { distance } from "fastest-levenshtein";

/**
 * Those of `names` that `name` nearly is, in upper or lower case, the nearest first, for a message that asks "did you mean":
 * at most half of one is wrong, or as many letters as `most` allows. Of two that are as near, letters that only changed places count less.
 */
export function nearNames(
  name: string,
  names: readonly string[],
  most: (known: string) => number = ({ length }) => length / 2,
): readonly string[] {
  const text = name.toLowerCase();
  const wrong = (known: string): number => distance(text, known.toLowerCase());
  const swapped = (known: string): number => distance(inOrder(text), inOrder(known.toLowerCase()));
  return names
    .filter((known) => wrong(known) <= most(known))
    .sort((a, b) => wrong(a) - wrong(b) || swapped(a) - swapped(b));
}

/** The letters of a word in order: two that changed places leave them as they are. */
const inOrder = (word: string): string => [...word].sort().join("");
