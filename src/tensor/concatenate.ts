import { elementCount, type Tensor } from "./tensor.ts";

/** Tensors joined along `axis`; their other sizes must agree. */
export function concatenate(tensors: readonly [Tensor, ...Tensor[]], axis: number): Tensor {
  const [first] = tensors;
  const around = ({ shape }: Tensor): string => shape.with(axis, 0).join();
  const stranger = tensors.find((tensor) => around(tensor) !== around(first));
  if (stranger !== undefined) {
    throw new RangeError(`Cannot join tensors of shapes [${first.shape}] and [${stranger.shape}] along axis ${axis}`);
  }
  const size = tensors.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const shape = first.shape.with(axis, size);
  const outer = elementCount(shape.slice(0, axis));
  const data = new Float32Array(elementCount(shape));
  let offset = 0;
  for (let i = 0; i < outer; i++) {
    for (const tensor of tensors) {
      const length = tensor.data.length / outer;
      data.set(tensor.data.subarray(i * length, (i + 1) * length), offset);
      offset += length;
    }
  }
  return { data, shape };
}

/** The rows of `tensor` that `rows` lists, in this order. */
export function selectRows({ data, shape }: Tensor, rows: readonly number[]): Tensor {
  const size = elementCount(shape.slice(1));
  const selected = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    selected.set(data.subarray(row * size, (row + 1) * size), i * size);
  });
  return { data: selected, shape: [rows.length, ...shape.slice(1)] };
}

/** A tensor of one row, `count` times. */
export const repeatRow = (tensor: Tensor, count: number): Tensor =>
  selectRows(tensor, new Array<number>(count).fill(0));
