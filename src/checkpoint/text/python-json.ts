/**
 * JSON as Python's writers and other programs leave it, as JSON proper: without a byte order mark, infinities as numbers too large
 * for a double, and NaN as a text, which nothing that reads numbers accepts.
 */
export function strictJson(text: string): string {
  const bare = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (!/NaN|Infinity/.test(bare)) return bare;
  // A text that does not end is taken to the end of the file, so that no character is looked at twice.
  return bare.replace(/"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|\b(?:NaN|Infinity)\b/gs, (match) => WORDS.get(match) ?? match);
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ["NaN", '"NaN"'],
  ["Infinity", "1e999"],
]);
