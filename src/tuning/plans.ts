/** Plans that differ from `plan` in the place of one full evaluation, near moves first; the first evaluation stays full. */
export function* neighbours(plan: readonly number[], evaluations: number): Generator<number[]> {
  for (const distance of [1, 2]) {
    for (let k = plan.length - 1; k >= 1; k--) {
      for (const moved of [plan[k]! - distance, plan[k]! + distance]) {
        const low = plan[k - 1]!;
        const high = plan[k + 1] ?? evaluations;
        if (moved > low && moved < high) yield plan.with(k, moved);
      }
    }
  }
}
