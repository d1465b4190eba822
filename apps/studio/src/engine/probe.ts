/** Side of the square matrices that are multiplied. */
const SIDE = 96;
const ATTEMPTS = 6;
/** Multiplications of one guided evaluation of the embedded model at 64 px, which has two rows. */
export const EVALUATION = 2 * 0.731e9;
/** Evaluations of the original that the sentence is about. */
const EVALUATIONS = 20;
/**
 * How many times as many multiplications as this loop the compiled network does in a second, both on one thread:
 * `npm run browser:probe` measures it in Chromium.
 */
const COMPILED = 12;

/** Seconds that the embedded model takes for an original on this processor, told by a multiplication of a few milliseconds. */
export async function secondsPerPicture(now?: () => number): Promise<number> {
  return (EVALUATIONS * EVALUATION) / (COMPILED * (await multiplicationsPerSecond(now)));
}

/** What a plain loop does on one thread, the best of some attempts. */
export async function multiplicationsPerSecond(now: () => number = () => performance.now()): Promise<number> {
  const [a, b] = [new Float32Array(SIDE * SIDE).fill(0.5), new Float32Array(SIDE * SIDE).fill(0.25)];
  const out = new Float32Array(SIDE * SIDE);
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const start = now();
    for (let times = 0; times < 4; times++) multiply(a, b, out);
    best = Math.min(best, (now() - start) / 1000);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return (4 * SIDE ** 3) / Math.max(best, 1e-4);
}

function multiply(a: Float32Array, b: Float32Array, out: Float32Array): void {
  for (let i = 0; i < SIDE; i++) {
    for (let j = 0; j < SIDE; j++) {
      let sum = 0;
      for (let k = 0; k < SIDE; k++) sum += (a[i * SIDE + k] as number) * (b[j * SIDE + k] as number);
      out[i * SIDE + j] = sum;
    }
  }
}
