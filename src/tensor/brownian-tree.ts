import { seedSequence } from "./seed-sequence.ts";
import { elementCount, type Tensor } from "./tensor.ts";
import { torchGenerator } from "./torch-generator.ts";

/** A path of Brownian motion, any part of which may be asked for, in any order, and is always the same. */
export interface BrownianTree {
  /** How far the path moves from `from` to `to`; nothing of it lies outside the tree. */
  increment(from: number, to: number): Tensor;
}

/** What torchsde is given by diffusers: its decimals of time, and words of entropy. */
const DECIMALS = 6;
const POOL_SIZE = 24;

interface Interval {
  readonly start: number;
  readonly end: number;
  /** Place of the interval in its row of the tree, and the row. */
  readonly key: number;
  readonly depth: number;
}

/**
 * The path from `start` to `end` that torchsde's `BrownianInterval` gives for a seed: halved again and again, each half
 * drawn from a seed of its own, to whole millionths. In float32 like the reference.
 */
export function brownianTree(seed: number, shape: readonly number[], start: number, end: number): BrownianTree {
  const size = elementCount(shape);
  const draw = (word: number): Float32Array => torchGenerator(word).randn([size]).data;
  const root: Interval = { start: rounded(start), end: rounded(end), key: 0, depth: 0 };
  const [first = 0] = seedSequence({ entropy: seed, poolSize: POOL_SIZE }, 3);
  const whole = scaled(draw(first), Math.sqrt(end - start));

  const leftOf = ({ start, end, key, depth }: Interval, middle: number, moved: Float32Array): Float32Array => {
    const [word = 0] = seedSequence({ entropy: seed, spawnKey: [key, depth], poolSize: POOL_SIZE }, 4);
    const [left, reciprocal] = [middle - start, 1 / (end - start)];
    const deviates = scaled(draw(word), Math.sqrt(left * (end - middle) * reciprocal));
    const mean = scaled(scaled(moved, left), reciprocal);
    return mean.map((value, i) => value + deviates[i]!);
  };

  /** The movements of the pieces of `interval` that lie from `from` to `to`, in order. */
  function* pieces(interval: Interval, moved: Float32Array, from: number, to: number): Generator<Float32Array> {
    if (from === interval.start && to === interval.end) return yield moved;
    const { start, end, key, depth } = interval;
    const middle = rounded(0.5 * (end + start));
    const left = leftOf(interval, middle, moved);
    if (from < middle) {
      yield* pieces({ start, end: middle, key: 2 * key, depth: depth + 1 }, left, from, Math.min(to, middle));
    }
    if (to > middle) {
      const right = moved.map((value, i) => value - left[i]!);
      yield* pieces({ start: middle, end, key: 2 * key + 1, depth: depth + 1 }, right, Math.max(from, middle), to);
    }
  }

  const within = (time: number): number => Math.min(Math.max(time, root.start), root.end);
  return {
    increment(from, to) {
      const data = new Float32Array(size);
      const [begin, stop] = [rounded(within(from)), rounded(within(to))];
      if (begin < stop) {
        for (const piece of pieces(root, whole, begin, stop)) for (let i = 0; i < size; i++) data[i]! += piece[i]!;
      }
      return { data, shape };
    },
  };
}

/** Each value times a factor, which is rounded to float32 first, as PyTorch does. */
function scaled(values: Float32Array, factor: number): Float32Array {
  const single = Math.fround(factor);
  return values.map((value) => value * single);
}

/** Rounded to millionths, ties to the even one, as Python does; a tie is an odd multiple of 2^-7. */
function rounded(time: number): number {
  const isTie = Number.isInteger(time * 128) && !Number.isInteger(time * 64);
  if (!isTie) return Number(time.toFixed(DECIMALS));
  const below = Math.floor(time * 10 ** DECIMALS);
  return (below % 2 === 0 ? below : below + 1) / 10 ** DECIMALS;
}
