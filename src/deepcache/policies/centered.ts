import { centeredPlan } from "../plans/centered.ts";
import { kind } from "../policy-kind.ts";
import { power, whole } from "../setting.ts";
import { everyNth } from "./uniform.ts";

/** As many as uniform, denser around one evaluation (the paper's equation 7). */
export const centered = kind<{ interval: number; center: number; power: number }>({
  says: "as many, denser around CENTER the larger POWER is: the paper's non-uniform schedule",
  settings: { interval: whole(1), center: whole(0), power: power("above 1") },
  from: (settings, evaluation) => ({ ...settings, center: Math.max(0, settings.center - evaluation) }),
  full({ interval, center, power }, length, evaluations) {
    if (interval === 1) return everyNth(1, evaluations);
    // Around a center behind the end, the published schedule may go past it; its code never gets there.
    return centeredPlan({ length, interval, center, power }).full.filter((evaluation) => evaluation < evaluations);
  },
});
