import { crc32 } from "node:zlib";
import { elementCount, type Tensor } from "../../../src/tensor/tensor.ts";

/** Number `i` of [-0.5, 0.5) in the series that begins at `seed`, as in the fixtures' scripts. */
function counterUniform(seed: number, i: number): number {
  let x = (Math.imul(i, 2654435761) + seed) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b) >>> 0;
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32 - 0.5;
}

/** The weight called `name` of a network whose activations neither grow nor fade, as in the fixtures' scripts. */
export function counterWeight(name: string, shape: readonly number[], gain = 1): Tensor {
  const seed = crc32(name);
  const aroundOne = /\.running_var$/.test(name) || (/\.weight$/.test(name) && shape.length === 1);
  const factor = shape.length === 1 ? 0.4 : gain * Math.sqrt(24 / elementCount(shape.slice(1)));
  const data = new Float32Array(elementCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = (aroundOne ? 1 : 0) + factor * counterUniform(seed, i);
  return { data, shape };
}
