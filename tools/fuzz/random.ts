/** Draws of one case, which depend on nothing but its seed. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from 0 up to, not including, `end`. */
  int(end: number): number;
  pick<T>(list: readonly T[]): T;
  chance(probability: number): boolean;
}

/** Small, fast and good enough (sfc32). */
export function randomOf(...seeds: readonly number[]): Random {
  let [a, b, c, d] = [hash(seeds), 0x9e3779b9, 0x243f6a88, 1];
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  const int = (end: number): number => Math.floor(next() * end);
  return { next, int, pick: (list) => list[int(list.length)]!, chance: (probability) => next() < probability };
}

/** FNV-1a over the bytes of whole numbers. */
function hash(numbers: readonly number[]): number {
  let value = 2166136261;
  for (const number of numbers) {
    for (let byte = 0; byte < 4; byte++) value = Math.imul(value ^ ((number >>> (8 * byte)) & 255), 16777619);
  }
  return value >>> 0;
}
