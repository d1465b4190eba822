import type { Variant } from "../engine/engine.ts";
import { accelerated, estimate, type Form } from "./form.ts";

/** What pictures must have in common to be compared: everything but how they are made faster. */
export const subjectOf = (of: Form): string => {
  const { model: name, prompt, negativePrompt, seed, width, height, guidanceScale, clipSkip, steps, sampler } = of;
  return JSON.stringify([name, prompt, negativePrompt, seed, width, height, guidanceScale, clipSkip, steps, sampler]);
};

const INTERVALS = [2, 3, 5, 8] as const;

/** Settings worth trying beside one another, the cheapest first: caches, and fewer steps that compute as much. */
export function settingsToTry(
  of: Form,
  branches: readonly { readonly branch: number; readonly share: number }[],
): readonly Variant[] {
  const sampler = of.sampler === "" ? {} : { sampler: of.sampler };
  const found = INTERVALS.flatMap((interval) =>
    [0, 1].flatMap((branch) => {
      const asked = { ...of, speed: "copy", interval, branch } as const;
      const cost = estimate(asked, branches);
      return cost === undefined ? [] : [{ variant: accelerated(asked), steps: of.steps / cost.speedup }];
    }),
  );
  const counts = new Set(found.map(({ steps }) => Math.max(1, Math.round(steps))).filter((steps) => steps < of.steps));
  const fewer = [...counts].map((steps) => ({ variant: { cache: "off", steps, ...sampler }, steps }));
  return [...found, ...fewer].sort((a, b) => a.steps - b.steps).map(({ variant }) => variant);
}
