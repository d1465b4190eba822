import { crc32 } from "node:zlib";
import { elementCount, type Tensor } from "../../src/tensor/tensor.ts";

/** `count` numbers in [-0.5, 0.5) that depend on the tensor's name and the position alone, as in the fixtures' scripts. */
export function counterUniform(name: string, count: number): Float64Array {
  const seed = crc32(name);
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 2654435761) + seed) >>> 0;
    for (let round = 0; round < 2; round++) x = Math.imul(x ^ (x >>> 16), 0x45d9f3b) >>> 0;
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32 - 0.5;
  });
}

/** The weight called `name` of a network whose activations neither grow nor fade, as in the fixtures' scripts. */
export function counterWeight(name: string, shape: readonly number[], gain = 1): Tensor {
  const uniform = counterUniform(name, elementCount(shape));
  const deviation = gain * Math.sqrt(24 / elementCount(shape.slice(1)));
  const aroundOne = /\.running_var$/.test(name) || (/\.weight$/.test(name) && shape.length === 1);
  const value = (u: number): number => (aroundOne ? 1 + 0.4 * u : shape.length === 1 ? 0.4 * u : u * deviation);
  return { data: Float32Array.from(uniform, value), shape };
}
