/** Every `interval`-th evaluation below `length`, from 0. */
export function uniformPlan(length: number, interval: number): number[] {
  return Array.from({ length: Math.ceil(length / interval) }, (_, i) => i * interval);
}
