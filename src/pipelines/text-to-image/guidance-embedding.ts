import type { Tensor } from "../../tensor/tensor.ts";

/**
 * What a U-Net into which guidance was distilled is told of its scale, [rows, width]: waves of 1000 · (scale − 1), from
 * the finest to 10000 times coarser (Meng et al. 2023). Every operation rounds to float32 as in the reference: at the
 * finest wave's thousands of radians the last bit shows.
 */
export function guidanceEmbedding(scale: number, width: number, rows: number): Tensor {
  const half = Math.floor(width / 2);
  const data = new Float32Array(rows * width); // an odd width ends in a zero
  const { fround } = Math;
  const position = fround(fround(scale - 1) * 1000);
  const decay = fround(fround(Math.log(10000)) / (half - 1));
  for (let i = 0; i < half; i++) {
    const angle = fround(position * fround(Math.exp(fround(-i * decay))));
    for (let row = 0; row < rows; row++) {
      data[row * width + i] = Math.sin(angle);
      data[row * width + half + i] = Math.cos(angle);
    }
  }
  return { data, shape: [rows, width] };
}
