import { describe, expect, test } from "vitest";
import {
  FAMILIES,
  modelDefaults,
  PIPELINE_CLASSES,
  UNCONDITIONAL_STEPS,
} from "../../src/systems/published-defaults.ts";
import { recommendedSettings } from "../../src/systems/recommended/recommended.ts";
import published from "../fixtures/published-defaults.json" with { type: "json" };

interface Published {
  readonly call: Readonly<Record<string, number | null>>;
  readonly scheduler: Readonly<Record<string, unknown>>;
}
const pipelines: Readonly<Record<string, Published>> = published.pipelines;

describe("what diffusers' pipelines take where nobody says", () => {
  test.each(Object.entries(PIPELINE_CLASSES))("%s", (name, { family, mode }) => {
    const { call, scheduler } = pipelines[name] ?? { call: {}, scheduler: {} };
    const { steps, guidanceScale, strength, eta, scheduler: ours } = FAMILIES[family].defaults[mode];
    expect({ steps, guidanceScale }).toEqual({
      steps: call["num_inference_steps"],
      guidanceScale: call["guidance_scale"],
    });
    if ("strength" in call) expect(strength).toBe(call["strength"]);
    expect(eta).toBe(call["eta"] ?? 0);
    expect(ours).toEqual(scheduler);
  });

  test.each(Object.entries(UNCONDITIONAL_STEPS))("%s", (name, steps) => {
    expect(steps).toBe(pipelines[name]?.call["num_inference_steps"]);
  });
});

describe("what a model recommends itself", () => {
  test("comes before what is published for its kind, whatever a run is for", () => {
    const { modes, sampler } = modelDefaults("stable-diffusion", { guidanceScale: 4, sampler: "ddim" });
    expect(sampler).toBe("ddim");
    expect([modes.text, modes.image, modes.inpaint].map(({ guidanceScale }) => guidanceScale)).toEqual([4, 4, 4]);
    expect(modes.text.steps).toBe(50);
  });

  test("is read in diffusers' words, and other programs' fields pass", () => {
    const json = { num_inference_steps: 20, guidance_scale: 0, sampler: "dpmpp-2m", max_length: 20 };
    expect(recommendedSettings(json, "x")).toEqual({ steps: 20, guidanceScale: 0, sampler: "dpmpp-2m" });
    expect(recommendedSettings({ known_words: ["fox"] }, "x").knownWords).toEqual(["fox"]);
    expect(recommendedSettings({}, "x")).toEqual({});
  });

  test.each([
    [{ num_inference_steps: 0 }, "a whole number from 1 to"],
    [{ num_inference_steps: 2.5 }, "a whole number is required"],
    [{ guidance_scale: -1 }, "a number from 0 is required"],
    [{ guidance_scale: "4" }, "a number is required"],
    [{ sampler: "dpm++" }, 'no sampler is called "dpm++"'],
    [[], "an object is required"],
  ])("is refused where it is %j", (json, message) => {
    expect(() => recommendedSettings(json, "model/generation_config.json")).toThrow(message);
  });
});
