import { principalPower, truncatedCurve } from "./complex.ts";

/**
 * Full evaluations that are denser at the start: the published latent-diffusion code's non-uniform schedule. Truncation
 * can merge two, so there may be fewer than ceil(length / interval).
 */
export function quadraticPlan({
  length,
  interval,
  power,
}: {
  readonly length: number;
  readonly interval: number;
  readonly power: number;
}): number[] {
  const stop = principalPower(length, 1 / power);
  return truncatedCurve({ re: 0, im: 0 }, stop, Math.ceil(length / interval), power).slice(0, -1);
}
