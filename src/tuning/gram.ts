/**
 * Inner products of what the trunk gave at every evaluation of a run without a cache: all that a least-squares forecast
 * needs to know. Sums are over images and kept tensors.
 */
export interface Gram {
  readonly evaluations: number;
  /** products[i][j] for j ≤ i. */
  readonly products: readonly (readonly number[])[];
}

/** Numbers of each image's features that are looked at, evenly spread where there are more. */
const MOST_NUMBERS = 2 ** 17;

/** Collects features evaluation by evaluation. */
export function gramCollector(): { add(features: readonly Float32Array[]): void; finish(): Gram } {
  const seen: Float32Array[] = [];
  const products: number[][] = [];
  return {
    add(features) {
      const length = features.reduce((sum, { length }) => sum + length, 0);
      const stride = Math.ceil(length / MOST_NUMBERS);
      const picked = new Float32Array(features.reduce((sum, { length }) => sum + Math.ceil(length / stride), 0));
      let at = 0;
      for (const feature of features) for (let i = 0; i < feature.length; i += stride) picked[at++] = feature[i]!;
      seen.push(picked);
      products.push(seen.map((other) => product(picked, other)));
    },
    finish: () => ({ evaluations: seen.length, products }),
  };
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The features of several runs over the same timesteps taken together. */
export function addGrams([first, ...others]: readonly Gram[]): Gram {
  if (first === undefined) throw new RangeError("Cannot add no features");
  return {
    evaluations: first.evaluations,
    products: first.products.map((row, i) =>
      row.map((value, j) => others.reduce((sum, { products }) => sum + (products[i]?.[j] ?? 0), value)),
    ),
  };
}

/** What the line through two results makes of a third, in the least squares. */
export interface Fit {
  readonly factor: number;
  /** Squared distance that is left. */
  readonly error: number;
}

/** Fits the feature of evaluation i by z₁ + factor · (z₁ − z₀); the copy where there is no z₀. */
export function fitForecast({ products }: Gram, i: number, last: number, before: number | undefined): Fit {
  const g = (a: number, b: number): number => products[Math.max(a, b)]?.[Math.min(a, b)] ?? 0;
  const copied = g(i, i) - 2 * g(i, last) + g(last, last);
  if (before === undefined) return { factor: 0, error: copied };
  const line = g(last, last) - 2 * g(last, before) + g(before, before);
  if (!(line > 0)) return { factor: 0, error: copied };
  const along = g(i, last) - g(last, last) - g(i, before) + g(last, before);
  const factor = along / line;
  return { factor, error: Math.max(0, copied - factor * along) };
}

/** The fitted factor of every evaluation of a plan, 0 on full ones. */
export function fitFactors(gram: Gram, full: readonly number[]): number[] {
  const isFull = new Set(full);
  let [before, last]: (number | undefined)[] = [];
  return Array.from({ length: gram.evaluations }, (_, i) => {
    if (isFull.has(i)) {
      [before, last] = [last, i];
      return 0;
    }
    return last === undefined ? 0 : fitForecast(gram, i, last, before).factor;
  });
}

/**
 * The plan of `count` full evaluations whose fitted forecasts leave the least squared distance to the features, found by
 * dynamic programming over the last two full evaluations.
 */
export function closestPlan(gram: Gram, count: number): number[] {
  const { evaluations: n } = gram;
  if (count >= n) return Array.from({ length: n }, (_, i) => i);
  if (count < 2) return [0];
  // cost(a, b, c): what cached evaluations between full b and the next full c leave, with a before b.
  const between = (before: number | undefined, last: number, next: number): number => {
    let sum = 0;
    for (let i = last + 1; i < next; i++) sum += fitForecast(gram, i, last, before).error;
    return sum;
  };
  interface State {
    readonly error: number;
    readonly plan: readonly number[];
  }
  let states = new Map<string, State>();
  for (let b = 1; b < n; b++) states.set(`0,${b}`, { error: between(undefined, 0, b), plan: [0, b] });
  for (let size = 2; size < count; size++) {
    const next = new Map<string, State>();
    for (const { error, plan } of states.values()) {
      const [before = 0, last = 0] = plan.slice(-2);
      for (let c = last + 1; c < n; c++) {
        const total = error + between(before, last, c);
        const key = `${last},${c}`;
        if (total < (next.get(key)?.error ?? Number.POSITIVE_INFINITY))
          next.set(key, { error: total, plan: [...plan, c] });
      }
    }
    states = next;
  }
  let best: State | undefined;
  for (const { error, plan } of states.values()) {
    const [before = 0, last = 0] = plan.slice(-2);
    const total = error + between(before, last, n);
    if (best === undefined || total < best.error) best = { error: total, plan };
  }
  return [...(best?.plan ?? [0])];
}
