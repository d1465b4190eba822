import { linearCombination } from "../../../tensor/linear-combination.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { NoiseLevel } from "../../schedules/noise-schedule.ts";

/** The fields of a scheduler config that settle how a network of Karras et al. is fed and read. */
export interface Preconditioning {
  readonly prediction_type: "epsilon" | "v_prediction";
  /** Standard deviation of the data. */
  readonly sigma_data: number;
}

/** Samples are clean + sigma · noise; the signal is never scaled down. */
export const unscaledLevel = (sigma: number): NoiseLevel => ({ signal: 1, noise: sigma });

/** The sample as the network expects it (Karras et al. 2022, table 1, c_in). */
export const preconditionedInput = ({ sigma_data }: Preconditioning, sigma: number, sample: Tensor): Tensor =>
  linearCombination([1 / Math.sqrt(sigma ** 2 + sigma_data ** 2), sample]);

/** The clean sample that the network's `output` amounts to (Karras et al. 2022, table 1, c_skip and c_out). */
export function preconditionedClean(
  { prediction_type, sigma_data }: Preconditioning,
  sigma: number,
  sample: Tensor,
  output: Tensor,
): Tensor {
  const variance = sigma ** 2 + sigma_data ** 2;
  const sign = prediction_type === "epsilon" ? 1 : -1;
  return linearCombination(
    [sigma_data ** 2 / variance, sample],
    [(sign * sigma * sigma_data) / Math.sqrt(variance), output],
  );
}
