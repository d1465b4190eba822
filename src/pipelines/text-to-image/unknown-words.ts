/** A warning about the words of `texts` that a model of few words was never trained on; none where it knows them all. */
export function unknownWordsWarning(texts: readonly string[], known: readonly string[]): string | undefined {
  const unknown = [...new Set(texts.flatMap(wordsOf))].filter((word) => !known.includes(word));
  if (unknown.length === 0) return undefined;
  const shown = unknown.slice(0, MOST_SHOWN).map((word) => `"${word}"`);
  const rest = unknown.length > MOST_SHOWN ? ` and ${unknown.length - MOST_SHOWN} more` : "";
  return `This model does not know ${shown.join(", ")}${rest}; it knows ${known.filter(isTelling).join(", ")}`;
}

const MOST_SHOWN = 10;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}+/gu) ?? [];

/** Articles and the like say nothing of what can be drawn. */
const isTelling = (word: string): boolean => word.length > 2;
