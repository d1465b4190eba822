/** The level that the n-th block lies in, and its place there, where the levels have `counts` blocks. */
export function locate(block: number, counts: readonly number[]): { level: number; index: number } | undefined {
  let index = block;
  for (const [level, count] of counts.entries()) {
    if (index < count) return { level, index };
    index -= count;
  }
  return undefined;
}
