import { mersenneTwister } from "./mersenne-twister.ts";

/** Random numbers as numpy's legacy `RandomState` draws them. */
export interface NumpyGenerator {
  /** Uniform on [0, 1), 53 bits each. */
  rand(count: number): number[];
  /** Standard normal. */
  randn(count: number): number[];
  /** Integers from `low` up to but not including `high`, at most 2^32 different ones. */
  randint(low: number, high: number, count: number): number[];
  /** The integers below `count` in random order. */
  permutation(count: number): number[];
}

/** A generator whose state starts at `seed`, an integer from 0 to 2^32 - 1. */
export function numpyGenerator(seed: number): NumpyGenerator {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new RangeError(`Cannot seed with ${seed}: a numpy seed is an integer from 0 to 2^32 - 1`);
  }
  const random = mersenneTwister(seed);
  const random53 = (): number => ((random() >>> 5) * 2 ** 26 + (random() >>> 6)) * 2 ** -53;
  let spare: number | undefined;

  /** Marsaglia's polar method; the second of a pair waits for the next call. */
  function deviate(): number {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    for (;;) {
      const x = 2 * random53() - 1;
      const y = 2 * random53() - 1;
      const square = x * x + y * y;
      if (square === 0 || square >= 1) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      spare = scale * x;
      return scale * y;
    }
  }

  /** Uniform from 0 to `largest`, redrawing what its bit mask lets through above it. */
  function upTo(largest: number): number {
    if (largest === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(largest);
    for (;;) {
      const value = (random() & mask) >>> 0;
      if (value <= largest) return value;
    }
  }

  const draws = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);
  return {
    rand: (count) => draws(count, random53),
    randn: (count) => draws(count, deviate),
    randint(low, high, count) {
      if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || high <= low || high - low > 2 ** 32) {
        throw new RangeError(`Cannot draw integers from ${low} to below ${high}: allowed are 1 to 2^32 values`);
      }
      return draws(count, () => low + upTo(high - low - 1));
    },
    permutation(count) {
      const order = Array.from({ length: count }, (_, i) => i);
      for (let i = count - 1; i > 0; i--) {
        const chosen = upTo(i);
        [order[i], order[chosen]] = [order[chosen]!, order[i]!];
      }
      return order;
    },
  };
}
