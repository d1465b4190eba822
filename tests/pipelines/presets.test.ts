import { describe, expect, test } from "vitest";
import { SAMPLER_NAMES } from "../../src/diffusion/samplers.ts";
import { chooseFor, PRESET_NAMES, PRESETS } from "../../src/pipelines/presets.ts";
import type { Profile, TunedPoint } from "../../src/systems/recommended/profile.ts";

test("every preset names a sampler, and the faster ones take fewer operations", () => {
  for (const presets of Object.values(PRESETS)) {
    const budgets = PRESET_NAMES.map((name) => presets[name].steps / presets[name].speedup);
    expect(budgets).toEqual([...budgets].sort((a, b) => a - b));
    for (const name of PRESET_NAMES) expect(SAMPLER_NAMES).toContain(presets[name].sampler);
  }
});

const point = (budget: number, steps: number): TunedPoint => ({
  budget,
  fse: budget,
  sampler: "ddim-trailing",
  steps,
  cache: { kind: "listed", full: [0, 1, 4], branch: 0, forecast: { damping: 0.5 } },
  checked: {
    images: 2,
    psnr: 40,
    aboveUncached: { mean: 1, halfWidth: 0.5, sampler: "ddim", steps: 9, psnr: 39 },
  },
});
const profile: Profile = {
  format: 1,
  version: "",
  model: { architecture: "UNet2DConditionModel", unet: "" },
  reference: { sampler: "ddim", steps: 200 },
  points: [point(8.4, 14), point(16.7, 30)],
};
const tuned = { sampler: "ddim-trailing", steps: 30, profile };
const [first, second] = profile.points;

describe("a preset", () => {
  test("brings the timesteps that were tuned, which a speed-up leaves alone: it keeps the schedule that is asked for", () => {
    const timesteps = Array.from({ length: 14 }, (_, i) => 13 - i);
    const own = { ...tuned, profile: { ...profile, points: [{ ...point(8.4, 14), timesteps }] } };
    expect(chooseFor({ preset: "fast" }, "text-to-image", own)).toMatchObject({ steps: 14, timesteps });
    expect(chooseFor({ speedup: 1.7, steps: 14 }, "text-to-image", own)?.tuned).toBeUndefined();
  });

  test("is what it says where nothing was tuned", () => {
    expect(chooseFor({ preset: "fast" }, "text-to-image")).toEqual(PRESETS["text-to-image"].fast);
    expect(chooseFor({ preset: "balanced" }, "text-to-image", tuned)).toEqual(PRESETS["text-to-image"].balanced);
  });

  test("is the setting of the model's profile that takes about as much", () => {
    expect(chooseFor({ preset: "fast" }, "text-to-image", tuned)).toEqual({
      ...{ sampler: "ddim-trailing", steps: 14, cache: first?.cache, tuned: first },
    });
  });

  test.each(["sampler", "steps", "timesteps", "sigmas", "cache", "speedup"])("is refused beside %s", (name) => {
    expect(() => chooseFor({ preset: "fast", [name]: 2 }, "text-to-image")).toThrow(
      `Cannot use "${name}" together with a preset: a preset chooses sampler, steps and cache`,
    );
  });

  test("is one of three", () => {
    expect(() => chooseFor({ preset: "best" } as object, "text-to-image")).toThrow(
      'Cannot use the preset "best": fast, balanced, quality are there',
    );
  });
});

describe("a speed-up", () => {
  test("is what was tuned for the model's own sampler and steps", () => {
    expect(chooseFor({ speedup: 1.8 }, "text-to-image", tuned)?.tuned).toBe(second);
    expect(chooseFor({ speedup: 1.8 }, "text-to-image", tuned)).toMatchObject({ steps: 30, cache: second?.cache });
  });

  test("keeps to the sampler and the steps that are asked for", () => {
    const asked = { speedup: 1.8, sampler: "ddim" };
    expect(chooseFor(asked, "text-to-image", tuned)).toEqual(asked);
    expect(chooseFor({ speedup: 1.7, steps: 14 }, "text-to-image", tuned)?.tuned).toBe(first);
    expect(chooseFor({ speedup: 3, steps: 40 }, "text-to-image", tuned)).toEqual({ steps: 40, speedup: 3 });
  });

  test.each([
    ["no setting takes about as much", { speedup: 3 }],
    ["there is none", { speedup: 1 }],
    ["the run begins with a picture", { speedup: 1.8, image: {} }],
    ["the timesteps are listed", { speedup: 1.8, timesteps: [3] }],
  ])("is left to the run where %s", (_, asked) => {
    expect(chooseFor(asked, "text-to-image", tuned)).toEqual({ speedup: asked.speedup });
  });

  test("is left alone where nothing asks for it", () => {
    expect(chooseFor({ steps: 3 }, "text-to-image", tuned)).toBeUndefined();
  });
});
