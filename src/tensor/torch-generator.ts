import { roundToHalf } from "./half.ts";
import { mersenneTwister } from "./mersenne-twister.ts";
import { elementCount, type Tensor } from "./tensor.ts";

/** Random numbers as a `torch.Generator` on the CPU draws them: same seed, same order of calls, same numbers. */
export interface TorchGenerator {
  /** Uniform on [0, 1), 24 bits each. */
  rand(shape: readonly number[]): Tensor;
  /** Standard normal. */
  randn(shape: readonly number[]): Tensor;
  /** Standard normal as drawn in float64. */
  randnF64(count: number): Float64Array;
  /** Standard normal as drawn in float16, held as float32; from 17 numbers on it can differ from a rounded `randn`. */
  randnF16(shape: readonly number[]): Tensor;
  /** Integers from `low` up to but not including `high`. */
  randint(low: number, high: number, count: number): number[];
  /** The integers below `count` in random order. */
  randperm(count: number): number[];
}

/** A generator whose state starts at `seed`, an integer from 0 to 2^64 - 1 of which torch keeps the low 32 bits. */
export function torchGenerator(seed: number | bigint): TorchGenerator {
  const random = mersenneTwister(keptSeed(seed));
  const random53 = (): number => ((random() & 0x1fffff) * 2 ** 32 + random()) * 2 ** -53;
  let spare: number | undefined; // the second of a pair waits here, across calls

  function deviate(): number {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const angle = 2 * Math.PI * random53();
    const radius = Math.sqrt(-2 * Math.log1p(-random53()));
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  function fillNormal(data: Float32Array | Float64Array, { uniform, round, drawsRemainder }: Precision): void {
    if (data.length < BLOCK) {
      for (let i = 0; i < data.length; i++) data[i] = round(deviate());
      return;
    }
    const whole = data.length - (data.length % BLOCK);
    const drawn = drawsRemainder ? data.length : whole;
    for (let i = 0; i < drawn; i++) data[i] = uniform(random, random53);
    for (let start = 0; start < whole; start += BLOCK) transformBlock(data, start, round);
    if (whole === data.length) return;
    const tail = data.length - BLOCK; // overlaps the last whole block, which is overwritten with fresh draws
    for (let i = tail; i < data.length; i++) data[i] = uniform(random, random53);
    transformBlock(data, tail, round);
  }

  const normal = (shape: readonly number[], precision: Precision): Tensor => {
    const data = new Float32Array(elementCount(shape));
    fillNormal(data, precision);
    return { data, shape };
  };

  return {
    rand: (shape) => ({
      data: Float32Array.from({ length: elementCount(shape) }, () => SINGLE.uniform(random, random53)),
      shape,
    }),
    randn: (shape) => normal(shape, SINGLE),
    randnF16(shape) {
      const { data } = normal(shape, HALF);
      return { data: data.map(roundToHalf), shape };
    },
    randnF64(count) {
      const data = new Float64Array(count);
      fillNormal(data, DOUBLE);
      return data;
    },
    randint(low, high, count) {
      const range = high - low;
      if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || range < 1 || range >= 2 ** 28) {
        throw new RangeError(`Cannot draw integers from ${low} to below ${high}: allowed are 1 to 2^28 - 1 values`);
      }
      return Array.from({ length: count }, () => low + (random() % range));
    },
    randperm(count) {
      const order = Array.from({ length: count }, (_, i) => i);
      for (let i = 0; i + 1 < count; i++) {
        const chosen = i + (random() % (count - i));
        [order[i], order[chosen]] = [order[chosen]!, order[i]!];
      }
      return order;
    },
  };
}

/** From this many numbers on, torch fills whole blocks instead of drawing pairs. */
const BLOCK = 16;

interface Precision {
  uniform(random: () => number, random53: () => number): number;
  round(value: number): number;
  /** Whether numbers after the last whole block are drawn although the tail is then drawn afresh. */
  readonly drawsRemainder: boolean;
}

const DOUBLE: Precision = { uniform: (_, random53) => random53(), round: (value) => value, drawsRemainder: true };
const SINGLE: Precision = {
  uniform: (random) => (random() & 0xffffff) * 2 ** -24,
  round: Math.fround,
  drawsRemainder: true,
};
/** Computed in float32 and rounded at the end. */
const HALF: Precision = { ...SINGLE, drawsRemainder: false };

/** Box and Muller's transform of 8 + 8 uniforms, rounding every intermediate as torch does. */
function transformBlock(data: Float32Array | Float64Array, start: number, round: Precision["round"]): void {
  for (let i = start; i < start + BLOCK / 2; i++) {
    const radius = round(Math.sqrt(round(-2 * round(Math.log(round(1 - data[i]!))))));
    const angle = round(round(2 * Math.PI) * data[i + BLOCK / 2]!);
    data[i] = round(radius * round(Math.cos(angle)));
    data[i + BLOCK / 2] = round(radius * round(Math.sin(angle)));
  }
}

function keptSeed(seed: number | bigint): number {
  const whole = typeof seed === "bigint" || Number.isSafeInteger(seed);
  if (!whole || seed < 0 || seed >= 2n ** 64n) {
    throw new RangeError(
      `Cannot seed with ${seed}: a seed is an integer from 0 to 2^53 - 1, or a bigint from 0 to 2^64 - 1`,
    );
  }
  return Number(BigInt(seed) & 0xffffffffn);
}
