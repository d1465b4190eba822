/** Two full evaluations at the start and the others evenly behind them, the last of all included. */
export function spreadPlan(evaluations: number, count: number): number[] {
  if (count >= evaluations) return Array.from({ length: evaluations }, (_, i) => i);
  if (count < 3) return Array.from({ length: Math.max(1, count) }, (_, i) => i);
  const gap = (evaluations - 2) / (count - 2);
  return [
    0,
    1,
    ...Array.from({ length: count - 2 }, (_, i) => Math.min(evaluations - 1, 1 + Math.round((i + 1) * gap))),
  ];
}

/** As many full evaluations, evenly from the first on: what a copied uniform cache comes to. */
export const evenPlan = (evaluations: number, count: number): number[] =>
  Array.from({ length: Math.min(count, evaluations) }, (_, k) => Math.floor((k * evaluations) / count));

/** How many evaluations may be full within a budget of full-step equivalents; `ratio` is what a cached one costs of a full. */
export const fullWithin = (budget: number, evaluations: number, ratio: number): number =>
  Math.min(evaluations, Math.floor((budget - ratio * evaluations) / (1 - ratio) + 1e-9));
