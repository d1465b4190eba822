import { atan2, cos, exp, hypot, log, pow, sin, squaresMinusOne } from "./rounded-math.ts";

/** A complex number, as far as the published schedules need one. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

/** Python's `base ** exponent` for a fractional exponent: the principal value where `base` is negative. */
export function principalPower(base: number, exponent: number): Complex {
  if (base >= 0) return { re: pow(base, exponent), im: 0 };
  const length = pow(-base, exponent);
  return { re: length * cos(Math.PI * exponent), im: length * sin(Math.PI * exponent) };
}

/** The integers that truncation leaves of numpy's `real(linspace(start, stop, parts + 1) ** exponent)`, each once. */
export function truncatedCurve(start: Complex, stop: Complex, parts: number, exponent: number): number[] {
  const real = start.im === 0 && stop.im === 0;
  const power = real ? realPower : complexPower;
  const points = spaced(start, stop, parts, real).map((point) => {
    // Only next to an integer does the last bit matter, and only there is it worth its time.
    const estimate = Math.hypot(point.re, point.im) ** exponent * Math.cos(Math.atan2(point.im, point.re) * exponent);
    const doubtful = Math.abs(estimate - Math.round(estimate)) < 1e-6;
    return Math.trunc(doubtful ? power(point, exponent) : estimate);
  });
  return [...new Set(points)].sort((a, b) => a - b);
}

function spaced(start: Complex, stop: Complex, parts: number, real: boolean): Complex[] {
  const [re, im] = [stop.re - start.re, stop.im - start.im];
  // numpy divides complex numbers by multiplying with the reciprocal, which rounds twice.
  const step = real ? { re: re / parts, im: 0 } : { re: re * (1 / parts), im: im * (1 / parts) };
  const points = Array.from({ length: parts }, (_, i) => ({ re: start.re + i * step.re, im: start.im + i * step.im }));
  return [...points, stop];
}

const realPower = ({ re }: Complex, exponent: number): number => (exponent === 2 ? re * re : pow(re, exponent));

/** The real part of numpy's `point ** exponent`: products for whole exponents, else the C library's cpow. */
function complexPower(point: Complex, exponent: number): number {
  if (Number.isInteger(exponent)) return wholePower(point, exponent).re;
  if (point.re === 0 && point.im === 0) return 0;
  const length = exp(exponent * logLength(point));
  return length * cos(atan2(point.im, point.re) * exponent);
}

function wholePower(point: Complex, exponent: number): Complex {
  const rest = exponent > 1 ? wholePower(product(point, point), Math.floor(exponent / 2)) : { re: 1, im: 0 };
  return exponent % 2 === 1 ? product(rest, point) : rest;
}

const product = (a: Complex, b: Complex): Complex => ({
  re: a.re * b.re - a.im * b.im,
  im: a.re * b.im + a.im * b.re,
});

/** The logarithm of |point| by the C library's cases, the special ones near 1 included. */
function logLength(point: Complex): number {
  const [re, im] = [Math.abs(point.re), Math.abs(point.im)];
  const [long, short] = re < im ? [im, re] : [re, im];
  if (long >= 1 && long < 2 && short < 1) return Math.log1p((long - 1) * (long + 1) + short * short) / 2;
  if (long >= 0.5 && long < 1 && long * long + short * short >= 0.5) {
    return Math.log1p(squaresMinusOne(long, short)) / 2;
  }
  return log(hypot(long, short));
}
