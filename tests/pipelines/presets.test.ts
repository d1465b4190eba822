import { describe, expect, test } from "vitest";
import { SAMPLER_NAMES } from "../../src/diffusion/samplers.ts";
import { PRESET_NAMES, PRESETS, withPreset } from "../../src/pipelines/presets.ts";

test("every preset names a sampler, and the faster ones take fewer operations", () => {
  for (const presets of Object.values(PRESETS)) {
    const budgets = PRESET_NAMES.map((name) => presets[name].steps / presets[name].speedup);
    expect(budgets).toEqual([...budgets].sort((a, b) => a - b));
    for (const name of PRESET_NAMES) expect(SAMPLER_NAMES).toContain(presets[name].sampler);
  }
});

describe("withPreset()", () => {
  test("sets sampler, steps and speed-up, and leaves the rest", () => {
    expect(withPreset({ preset: "fast", seed: 3 } as object, "text-to-image")).toEqual({
      seed: 3,
      ...PRESETS["text-to-image"].fast,
    });
    expect(withPreset({ steps: 3 }, "text-to-image")).toEqual({ steps: 3 });
  });

  test.each(["sampler", "steps", "cache", "speedup"])("refuses %s beside a preset", (name) => {
    expect(() => withPreset({ preset: "fast", [name]: 2 } as object, "text-to-image")).toThrow(
      `Cannot use "${name}" together with a preset: a preset chooses sampler, steps and cache`,
    );
  });

  test("refuses what is no preset", () => {
    expect(() => withPreset({ preset: "best" } as object, "text-to-image")).toThrow(
      'Cannot use the preset "best": fast, balanced, quality are there',
    );
  });
});
