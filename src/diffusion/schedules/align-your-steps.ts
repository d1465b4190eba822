/** Kinds of models that Align Your Steps was computed for. */
export const AYS_MODELS = ["sd", "sdxl"] as const;

/** One of them. */
export type AysModel = (typeof AYS_MODELS)[number];

/** What a run steps through, given by its timesteps or by its noise levels. */
export type ScheduleKind = "timesteps" | "sigmas";

/** Align Your Steps (Sabour et al. 2024): 10 steps that were optimized for a kind of model, as diffusers has them. */
const ALIGN_YOUR_STEPS: Readonly<Record<AysModel, Readonly<Record<ScheduleKind, readonly number[]>>>> = {
  sd: {
    timesteps: [999, 850, 736, 645, 545, 455, 343, 233, 124, 24],
    sigmas: [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0],
  },
  sdxl: {
    timesteps: [999, 845, 730, 587, 443, 310, 193, 116, 53, 13],
    sigmas: [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113, 0],
  },
};

/** A list, or the name of one: "ays" for the model's own kind, or "ays-sd" and "ays-sdxl". */
export type ScheduleChoice = readonly number[] | string;

/** Names that a schedule can be asked for by. */
const NAMES: ReadonlyMap<string, AysModel | "own"> = new Map<string, AysModel | "own">([
  ["ays", "own"],
  ...AYS_MODELS.map((model) => [`ays-${model}`, model] as const),
]);

/** The list that `choice` is or names; `own` is the kind of the model, where there is a list for it. */
export function scheduleOf(kind: ScheduleKind, choice: ScheduleChoice, own?: AysModel): readonly number[] {
  if (typeof choice !== "string") {
    const stranger = Array.isArray(choice) ? choice.find((value) => !Number.isFinite(value)) : choice;
    if (Array.isArray(choice) && stranger === undefined) return choice;
    throw new TypeError(`Cannot sample with ${kind} ${stranger}: a list of numbers is required`);
  }
  const named = NAMES.get(choice);
  const model = named === "own" ? own : named;
  if (model !== undefined) return ALIGN_YOUR_STEPS[model][kind];
  throw new RangeError(
    named === undefined
      ? `Cannot sample with ${kind} "${choice}": there are ${[...NAMES.keys()].join(", ")}`
      : `Cannot sample with ${kind} "${choice}": none were computed for this kind of model`,
  );
}
