/** Of the numerator and the denominator, from the fifth power down. */
const [P, Q] = [
  [0.0258997921, 0.380883783, 1.48000062, 2.11267757, 1, 0],
  [0.00587509526, 0.154647633, 0.986494303, 2.45300603, 2.61267757, 1],
].map((powers) => powers.map(Math.fround)) as [number[], number[]];

const LOG_2 = Math.fround(Math.LN2);
const round = Math.fround;

/**
 * The logarithm of a float32 number as NumPy computes it on x86, float32 all the way: in one of sixteen cases it is not the
 * nearest one, which shows where what is near is subtracted.
 */
export function numpyLog(value: number): number {
  let exponent = Math.floor(Math.log2(value)) + 1;
  let mantissa = value / 2 ** exponent; // from 1/2 to 1
  if (mantissa >= 1) {
    mantissa /= 2;
    exponent++;
  }
  if (mantissa <= Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const x = round(mantissa - 1);
  const polynomial = (powers: readonly number[]): number => powers.reduce((sum, power) => round(sum * x + power), 0);
  return round(exponent * LOG_2 + round(polynomial(P) / polynomial(Q)));
}
