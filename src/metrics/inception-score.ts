import { blocksOf, type Matrix, row, type Samples, samplesOf } from "./linear-algebra/matrix.ts";

/**
 * Inception score (Salimans et al., 2016) of class probabilities, one image a row: mean and standard deviation over
 * `splits` equal parts.
 */
export function inceptionScore(probabilities: Matrix | Samples, splits = 10): { mean: number; deviation: number } {
  const samples = samplesOf(probabilities);
  const { rows } = samples;
  if (!Number.isInteger(splits) || splits < 1 || splits > rows) {
    throw new RangeError(`Cannot split ${rows} images into ${splits} parts: allowed are 1 to ${rows}`);
  }
  const scores = Array.from({ length: splits }, (_, split) => {
    const begin = Math.floor((split * rows) / splits);
    const end = Math.floor(((split + 1) * rows) / splits);
    return partScore(samples, begin, end);
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / splits;
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / splits;
  return { mean, deviation: Math.sqrt(variance) };
}

/** exp of the mean divergence of an image's classes from those of all. */
function partScore(samples: Samples, begin: number, end: number): number {
  const marginal = new Float64Array(samples.columns);
  for (const image of rowsOf(samples, begin, end)) {
    for (let j = 0; j < image.length; j++) marginal[j]! += image[j]! / (end - begin);
  }
  let divergence = 0;
  for (const image of rowsOf(samples, begin, end)) {
    // A class of probability 0 adds nothing: p log p tends to 0.
    for (let j = 0; j < image.length; j++)
      if (image[j]! > 0) divergence += image[j]! * Math.log(image[j]! / marginal[j]!);
  }
  return Math.exp(divergence / (end - begin));
}

function* rowsOf(samples: Samples, begin: number, end: number): Generator<Float64Array> {
  for (const block of blocksOf(samples, begin, end)) for (let i = 0; i < block.rows; i++) yield row(block, i);
}
