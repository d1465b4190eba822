import { closest, distance } from "fastest-levenshtein";

/** The one of `names` that `name` nearly is, for a message that asks "did you mean"; none where more than half of it is wrong. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const wrong = (known: string): number => distance(name.toLowerCase(), known.toLowerCase());
  const near = closest(name, [...names]);
  return wrong(near) <= near.length / 2 ? near : undefined;
}
