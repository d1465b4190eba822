import { kind } from "../policy-kind.ts";
import { whole } from "../setting.ts";

/** Every `interval`-th evaluation below `length`, from 0. */
export const everyNth = (interval: number, length: number): number[] =>
  Array.from({ length: Math.ceil(length / interval) }, (_, i) => i * interval);

/** One full evaluation in so many, evenly (the paper's equation 6). */
export const uniform = kind<{ interval: number }>({
  says: "every INTERVAL-th evaluation is full",
  settings: { interval: whole(1) },
  full: ({ interval }, length, evaluations) => everyNth(interval, interval === 1 ? evaluations : length),
});
