import { kind } from "../policy-kind.ts";
import { evaluationList } from "../setting.ts";

/** The full evaluations one by one. */
export const listed = kind<{ full: readonly number[] }>({
  says: "the evaluations in the list are full",
  settings: { full: evaluationList },
  from: (settings, evaluation) => ({
    ...settings,
    full: [0, ...settings.full.flatMap((full) => (full > evaluation ? full - evaluation : []))],
  }),
  full({ full }, _, evaluations) {
    const last = full.at(-1) ?? 0;
    if (last >= evaluations) {
      throw new RangeError(
        `Cannot make evaluation ${last} full: this run has ${evaluations} evaluations, 0 to ${evaluations - 1}`,
      );
    }
    return full;
  },
});
