import { entry } from "../../../tensor/tensor.ts";

// In float32, in the order of the reference's operations: see sa-weights.ts.
const f = Math.fround;
const exp = (value: number): number => f(Math.exp(value));

/** From where to where an integral goes, and how fast the exponential grows; without `speed` it falls as exp(-x). */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly speed?: number;
}

/** Integrals of an exponential times each of the Lagrange polynomials through up to four `nodes` (Xue et al. 2023, §4). */
export function exponentialIntegrals(nodes: readonly number[], { from, to, speed }: Range): number[] {
  const moments = nodes.map((_, power) =>
    speed === undefined ? fallingMoment(power, from, to) : growingMoment(power, f(speed * from), f(speed * to), speed),
  );
  return nodes.map((_, k) =>
    lagrangeCoefficients(nodes, k).reduce(
      (sum, coefficient, i) => f(sum + f(coefficient * entry(moments, nodes.length - 1 - i))),
      0,
    ),
  );
}

/** The integral of exp(-x) · xⁿ. */
const fallingMoment = (power: number, from: number, to: number): number =>
  f(exp(-to) * f(f(momentPolynomial(power, from, 1) * exp(f(to - from))) - momentPolynomial(power, to, 1)));

/** The integral of exp(speed · x) · xⁿ; its ends are multiplied by `speed` already. */
function growingMoment(power: number, from: number, to: number, speed: number): number {
  const shrunk = exp(-f(to - from));
  const difference = f(momentPolynomial(power, to, -1) - f(momentPolynomial(power, from, -1) * shrunk));
  return f(f(exp(to) * difference) / speed ** (power + 1));
}

/** 1, x ± 1, x² ± 2x + 2, x³ ± 3x² + 6x ± 6. */
function momentPolynomial(power: number, x: number, sign: 1 | -1): number {
  const square = f(x * x);
  switch (power) {
    case 0:
      return 1;
    case 1:
      return f(x + sign);
    case 2:
      return f(f(square + f(sign * 2 * x)) + 2);
    default:
      return f(f(f(f(square * x) + f(sign * 3 * square)) + f(6 * x)) + sign * 6);
  }
}

/** Coefficients, of the highest power first, of the polynomial that is 1 at the `k`th node and 0 at the others. */
function lagrangeCoefficients(nodes: readonly number[], k: number): number[] {
  const node = entry(nodes, k);
  const [a, b, c] = nodes.filter((_, i) => i !== k);
  if (a === undefined) return [1];
  if (b === undefined) return [f(1 / f(node - a)), f(-a / f(node - a))];
  if (c === undefined) {
    const divisor = f(f(node - a) * f(node - b));
    return [f(1 / divisor), f(f(-a - b) / divisor), f(f(a * b) / divisor)];
  }
  const divisor = f(f(f(node - a) * f(node - b)) * f(node - c));
  const pairs = f(f(f(a * b) + f(a * c)) + f(b * c));
  return [f(1 / divisor), f(f(f(-a - b) - c) / divisor), f(pairs / divisor), f(f(f(-a * b) * c) / divisor)];
}
