import { elementCount, type Tensor } from "../../tensor/tensor.ts";

/** Whether a scheduler config takes the variance from the network, in channels of its own. */
export const takesVariance = (config: object): boolean =>
  "variance_type" in config && (config.variance_type === "learned" || config.variance_type === "learned_range");

/** A network output of twice the channels, parted into the prediction and the variance (Nichol and Dhariwal 2021). */
export function splitVariance(output: Tensor, channels: number): { prediction: Tensor; variance: Tensor } {
  const [batch = 0, found = 0, ...rest] = output.shape;
  if (found !== 2 * channels) {
    throw new RangeError(`Cannot part the learned variance from ${found} channels: required are ${2 * channels}`);
  }
  const shape = [batch, channels, ...rest];
  const block = channels * elementCount(rest);
  const part = (offset: 0 | 1): Tensor => {
    const data = new Float32Array(batch * block);
    for (let i = 0; i < batch; i++) {
      const start = (2 * i + offset) * block;
      data.set(output.data.subarray(start, start + block), i * block);
    }
    return { data, shape };
  };
  return { prediction: part(0), variance: part(1) };
}
