import { describe, expect, test } from "vitest";
import type { OpenedModel } from "../src/engine/engine.ts";
import {
  accelerated,
  estimate,
  FIRST_FORM,
  type Form,
  jobOf,
  jobsOf,
  original,
  problemsOf,
  SPEEDS,
  shortName,
  variantName,
} from "../src/state/form.ts";
import { formFromLink, formToLink } from "../src/state/link.ts";
import { readSettings, settingsFromText } from "../src/state/png-text.ts";

const form = (change: Partial<Form>): Form => ({ ...FIRST_FORM, ...change });

describe("a form", () => {
  test("asks for the original and for what is to be faster, with one seed", () => {
    const { options, variants } = jobOf(form({ negativePrompt: "blur", guidanceScale: "3", seed: 7 }));
    expect(options).toMatchObject({ prompt: FIRST_FORM.prompt, negativePrompt: "blur", guidanceScale: 3, seed: 7 });
    expect(variants).toEqual([
      { cache: "off", steps: 20, sampler: "dpmpp-2m-karras" },
      { cache: "uniform:3:0+warmup:2+forecast:0.75", steps: 20, sampler: "dpmpp-2m-karras" },
    ]);
  });

  test("makes both in turns in one job, or the fast one first in a job of its own", () => {
    const [both, ...none] = jobsOf(FIRST_FORM);
    expect([both?.lanes, both?.job.variants.length, none]).toEqual([[0, 1], 2, []]);
    const made = form({ order: "fast" });
    expect(jobsOf(made).map(({ lanes, job: { variants } }) => [lanes, variants])).toEqual([
      [[1], [accelerated(made)]],
      [[0], [original(made)]],
    ]);
  });

  test("leaves to the model what is left empty", () => {
    const { options, variants } = jobOf(form({ sampler: "", previewEvery: 0 }));
    expect(Object.keys(options)).toEqual(["prompt", "seed", "width", "height"]);
    expect(variants[0]).toEqual({ cache: "off", steps: 20 });
  });

  test("leaves sampler and steps of the faster run to a preset", () => {
    expect(accelerated(form({ speed: "fast" }))).toEqual({ preset: "fast" });
  });

  test.each(SPEEDS)("names the way %s", (speed) => {
    expect(variantName(accelerated(form({ speed })))).not.toBe("");
  });

  test("is short where a plot has little room", () => {
    expect(shortName(variantName(accelerated(FIRST_FORM)))).toBe("N=3 b0+f");
    expect(variantName({ ...original(FIRST_FORM), steps: 9 })).toBe("9 steps");
  });
});

describe("what is wrong with a form", () => {
  const model = { multipleOf: 8 } as OpenedModel;

  test("is nothing at first", () => {
    expect(problemsOf(FIRST_FORM, model)).toEqual({});
  });

  test.each([
    [{ prompt: "  " }, { prompt: "Say what the picture should show." }],
    [{ steps: Number.NaN }, { steps: "A whole number from 1 to 250 is required." }],
    [{ seed: -1 }, { seed: "A whole number from 0 to 4294967295 is required." }],
    [{ width: 60 }, { width: "A multiple of 8 is required." }],
    [{ guidanceScale: "much" }, { guidanceScale: "A number is required." }],
    [{ speed: "policy", policy: "centred:3" }, { policy: expect.stringContaining('did you mean "centered"') }],
  ] as const)("%j", (change, problems) => {
    expect(problemsOf(form(change as Partial<Form>), model)).toEqual(problems);
  });
});

test("an estimate is what the plan computes, below what the branch allows", () => {
  const branches = [{ branch: 0, share: 0.1 }];
  expect(estimate(form({ speed: "copy", interval: 5 }), branches)).toEqual({
    speedup: 20 / (4 + 1.6),
    limit: 10,
  });
  expect(estimate(form({ speed: "copy", branch: 3 }), branches)).toBeUndefined();
  expect(estimate(form({ speed: "fast" }), branches)).toBeUndefined();
});

describe("a link", () => {
  const changed = form({
    prompt: "a key & a star, 50 % #1",
    seed: 9,
    speed: "copy",
    interval: 7,
    guidanceScale: "2.5",
    order: "fast",
  });

  test("carries every setting that differs, and nothing else", () => {
    expect(formToLink(FIRST_FORM)).toBe("");
    expect(formFromLink(`#${formToLink(changed)}`)).toEqual(changed);
    expect([...new URLSearchParams(formToLink(changed)).keys()].sort()).toEqual([
      "guidanceScale",
      "interval",
      "order",
      "prompt",
      "seed",
      "speed",
    ]);
  });

  test.each([
    "steps=0",
    "steps=1e9",
    "steps=abc",
    "steps=",
    "speed=warp",
    "order=none",
    "colour=red",
    "%%%",
    "seed=1.5",
  ])("that says %s changes nothing", (link) => {
    expect(formFromLink(link)).toEqual(FIRST_FORM);
  });
});

describe("the text of a picture", () => {
  const text = (settings: string) => `a fox, (red:1.2)\nNegative prompt: blur\n${settings}`;

  test("fills the form", () => {
    const { form: read, unknown } = settingsFromText(
      text("Steps: 30, Sampler: ddim, CFG scale: 5.5, Seed: 12, Size: 128x96, Model: m, DeepCache: uniform:5:1"),
      FIRST_FORM,
    );
    expect(read).toMatchObject({
      ...{ prompt: "a fox, (red:1.2)", negativePrompt: "blur", steps: 30, sampler: "ddim", guidanceScale: "5.5" },
      ...{ seed: 12, width: 128, height: 96, speed: "copy", interval: 5, branch: 1 },
    });
    expect(unknown).toEqual([]);
  });

  test.each(["copy", "forecast"] as const)("fills the fields of a cache that is %s", (speed) => {
    const made = form({ speed, interval: 4, branch: 1 });
    const settings = text(`Steps: 9, Seed: 1, Size: 64x64, DeepCache: ${accelerated(made).cache}`);
    expect(settingsFromText(settings, FIRST_FORM).form).toMatchObject({ speed, interval: 4, branch: 1 });
  });

  test("takes other policies as they are written", () => {
    const policy = "uniform:3:0+warmup:3+forecast:0.5";
    const { form: read } = settingsFromText(text(`Steps: 9, Seed: 1, Size: 64x64, DeepCache: ${policy}`), FIRST_FORM);
    expect([read.speed, accelerated(read).cache]).toEqual(["policy", policy]);
  });

  test("says what the form has no field for, or not with that value", () => {
    const { unknown } = settingsFromText(
      text('Steps: 99999, Seed: 1, Size: 512x, Hires upscale: 2, Lora hashes: "a: b", DeepCache: wild'),
      FIRST_FORM,
    );
    expect(unknown).toEqual(["Steps: 99999", "Size: 512x", "Hires upscale: 2", "Lora hashes: a: b", "DeepCache: wild"]);
  });

  test("is missed where there is none", () => {
    const png = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 0, 73, 69, 78, 68, 0xae, 0x42, 0x60, 0x82]);
    expect(() => readSettings(png, FIRST_FORM)).toThrow("it carries no text of how it was made");
    expect(() => readSettings(new Uint8Array(100), FIRST_FORM)).toThrow();
  });
});
