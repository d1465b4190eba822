/** One character per evaluation: `█` full, `·` cached. */
export function drawPlan(full: readonly number[], evaluations: number): string {
  const inFull = new Set(full);
  return Array.from({ length: evaluations }, (_, i) => (inFull.has(i) ? "█" : "·")).join("");
}
