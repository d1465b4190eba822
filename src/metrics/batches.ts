/** A short last batch filled up with its first entry, so that one loaded graph serves for all. */
export function filledUp<T>(entries: readonly T[], count: number): readonly T[] {
  const [first] = entries;
  if (first === undefined || entries.length > count) {
    throw new RangeError(`Cannot measure ${entries.length} images at a time: 1 to ${count} are required`);
  }
  return [...entries, ...new Array<T>(count - entries.length).fill(first)];
}
