/**
 * Elementary functions rounded to the nearest double, which is what the C library under the reference code nearly always
 * returns. JavaScript engines differ from it, and from one another, in the last bit; where a published schedule truncates
 * a number that should be whole, that bit moves a full evaluation. Computed as fixed-point integers with 128 binary places.
 */

const PLACES = 128n;
const SCALE = 2 ** 128;
const ONE = 1n << PLACES;
/** The exponential's argument is divided by 2^HALVINGS, and the result squared as often. */
const HALVINGS = 8n;

const toFixed = (value: number): bigint => BigInt(Math.trunc(value * SCALE));
const toNumber = (value: bigint): number => Number(value) / SCALE;
const times = (a: bigint, b: bigint): bigint => (a * b) >> PLACES;
const over = (a: bigint, b: bigint): bigint => (a << PLACES) / b;

function exponential(x: bigint): bigint {
  const small = x >> HALVINGS;
  let sum = 0n;
  for (let [term, k] = [ONE, 0n]; term !== 0n; term = times(term, small) / ++k) sum += term;
  for (let i = 0n; i < HALVINGS; i++) sum = times(sum, sum);
  return sum;
}

/** Halley's step from the engine's value, which cubes its error. */
function logarithm(x: number): bigint {
  const guess = toFixed(Math.log(x));
  const [wanted, found] = [toFixed(x), exponential(guess)];
  return guess + over(2n * (wanted - found), wanted + found);
}

function cosineAndSine(angle: bigint): [cosine: bigint, sine: bigint] {
  let [cosine, sine] = [0n, 0n];
  for (let [term, k] = [ONE, 0]; term !== 0n; term = times(term, angle) / BigInt(++k)) {
    const signed = k % 4 < 2 ? term : -term;
    if (k % 2 === 0) cosine += signed;
    else sine += signed;
  }
  return [cosine, sine];
}

export const exp = (x: number): number => toNumber(exponential(toFixed(x)));

/** The natural logarithm of a positive number. */
export const log = (x: number): number => toNumber(logarithm(x));

/** `base`, which is not negative, to a positive `exponent`. */
export const pow = (base: number, exponent: number): number =>
  base === 0 ? 0 : toNumber(exponential(times(toFixed(exponent), logarithm(base))));

export const cos = (angle: number): number => toNumber(cosineAndSine(toFixed(angle))[0]);

export const sin = (angle: number): number => toNumber(cosineAndSine(toFixed(angle))[1]);

/** The angle of the point (`x`, `y`): Newton's step from the engine's value. */
export function atan2(y: number, x: number): number {
  const guess = toFixed(Math.atan2(y, x));
  const [cosine, sine] = cosineAndSine(guess);
  const [a, b] = [toFixed(x), toFixed(y)];
  return toNumber(guess + over(times(b, cosine) - times(a, sine), times(a, cosine) + times(b, sine)));
}

export function hypot(x: number, y: number): number {
  const guess = toFixed(Math.hypot(x, y));
  const square = ONE + toFixedSquares(x, y);
  return toNumber((guess + over(square, guess)) / 2n);
}

/** x² + y² - 1 without cancellation. */
export const squaresMinusOne = (x: number, y: number): number => toNumber(toFixedSquares(x, y));

function toFixedSquares(x: number, y: number): bigint {
  const [a, b] = [toFixed(x), toFixed(y)];
  return times(a, a) + times(b, b) - ONE;
}
