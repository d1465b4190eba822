/** Side of the square matrices that are multiplied. */
const SIDE = 96;
const ATTEMPTS = 6;
/** Operations of the original of 64 px and 20 steps, guided: 20 evaluations of two rows of the embedded model. */
const PICTURE = 20 * 2 * 0.731e9;
/** How many times as many operations as this loop the compiled network does in a second, both on one thread. */
const COMPILED = 10;

/** Seconds that the embedded model takes for an original on this processor, told by a multiplication of a few milliseconds. */
export async function secondsPerPicture(now: () => number = () => performance.now()): Promise<number> {
  const [a, b] = [new Float32Array(SIDE * SIDE).fill(0.5), new Float32Array(SIDE * SIDE).fill(0.25)];
  const out = new Float32Array(SIDE * SIDE);
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const start = now();
    for (let times = 0; times < 4; times++) multiply(a, b, out);
    best = Math.min(best, (now() - start) / 1000);
    await new Promise((resolve) => setTimeout(resolve));
  }
  const perSecond = (4 * SIDE ** 3) / Math.max(best, 1e-4);
  return PICTURE / (COMPILED * perSecond);
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
