import { describe, expect, test } from "vitest";
import { LIMITS, type Limit } from "../../src/errors/limits.ts";
import { EDGES } from "./edges.ts";

/** Limits of even counts, which their edges ask for in steps of two, or in others. */
const STEPS: Readonly<Record<string, number>> = {
  steps: 2,
  residualBlocks: 2,
  transformerBlocks: 3,
  marks: 2,
  inflatedBytes: 8,
};

describe.each(Object.entries(LIMITS))("Of %s", (format, limits) => {
  const edges = EDGES[format as keyof typeof LIMITS] as Readonly<Record<string, (count: number) => unknown>>;

  test.each(Object.entries<Limit>(limits))("the most %s are read, and no more", async (name, { most }) => {
    const edge = edges[name];
    const ask = async (count: number) => await edge?.(count);
    await expect(ask(most)).resolves.not.toThrow();
    await expect(ask(most + (STEPS[name] ?? 1))).rejects.toThrow(/at most|more than|allowed are|required/);
  });
});
