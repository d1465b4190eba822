import { linspaceFloat32 } from "../../schedules/noise-schedule.ts";
import { linspace } from "../../schedules/timesteps.ts";

/** The fields of a scheduler config that settle the noise levels of a run. */
export interface EdmSpacing {
  readonly sigma_min: number;
  readonly sigma_max: number;
  readonly sigma_schedule: "karras" | "exponential";
  readonly rho: number;
}

/** Whether Karras' formula is computed in float32 or in float64. */
type Precision = "single" | "double";

/** Noise levels of `steps` steps from `sigma_max` to `sigma_min` (Karras et al. 2022, eq. 5), in float32. */
export function edmSigmas(config: EdmSpacing, steps: number, precision: Precision = "single"): number[] {
  const { sigma_min, sigma_max, sigma_schedule, rho } = config;
  switch (sigma_schedule) {
    case "karras": {
      const round = precision === "single" ? Math.fround : (value: number): number => value;
      const [max, min] = [sigma_max ** (1 / rho), sigma_min ** (1 / rho)];
      const ramp = precision === "single" ? [...linspaceFloat32(0, 1, steps)] : linspace(0, 1, steps);
      return ramp.map((part) => Math.fround(power(round(round(max) + round(part * round(min - max))), rho, round)));
    }
    case "exponential":
      return [...linspaceFloat32(Math.log(sigma_min), Math.log(sigma_max), steps).map(Math.exp)].reverse();
  }
}

/** What stands for `sigma` before networks of Karras et al.: a quarter of its logarithm. */
export const logTimestep = (sigma: number): number => Math.fround(0.25 * Math.fround(Math.log(sigma)));

/** What stands for `sigma` before networks on a cosine schedule: its angle, in quarter turns. */
export const angleTimestep = (sigma: number): number =>
  Math.fround(Math.fround(Math.fround(Math.atan(sigma)) / Math.PI) * 2);

/** PyTorch multiplies for the third power, where rounding shows. */
const power = (base: number, exponent: number, round: (value: number) => number): number =>
  exponent === 3 ? round(base * base) * base : base ** exponent;
