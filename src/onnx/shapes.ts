/** The shape of an elementwise operation over `a` and `b`, by ONNX's (NumPy's) broadcasting rule. */
export function broadcast(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === b.length && a.every((size, i) => size === b[i])) return a;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`Cannot broadcast [${a}] against [${b}]`);
    return x === 1 ? y : x;
  });
}

/** Output size of a convolution along one axis. */
export function convolvedSize(size: number, kernel: number, stride: number, before: number, after: number): number {
  const padded = size + before + after;
  if (padded < kernel) throw new RangeError(`Cannot convolve a size of ${padded}, padding included, by ${kernel}`);
  return Math.floor((padded - kernel) / stride) + 1;
}

/** The shape of a matrix product over the last two axes, batch axes broadcast. */
export function productShape(a: readonly number[], b: readonly number[], transposeB: boolean): readonly number[] {
  const [inner, columns] = transposeB ? [b.at(-1), b.at(-2)] : [b.at(-2), b.at(-1)];
  const rows = a.at(-2);
  if (rows === undefined || columns === undefined || a.at(-1) !== inner) {
    throw new RangeError(`Cannot multiply [${a}] by [${b}]${transposeB ? " transposed" : ""}`);
  }
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), rows, columns];
}
