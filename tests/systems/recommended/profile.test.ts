import { describe, expect, test } from "vitest";
import { checkProfile, type Profile, pointOf, readProfile } from "../../../src/systems/recommended/profile.ts";
import { pairedDifference } from "../../../src/tuning/statistics.ts";

const CHECKED = { images: 8, psnr: 40, aboveUncached: { mean: 4, halfWidth: 3, sampler: "ddim", steps: 10, psnr: 36 } };
const POINT = {
  budget: 10,
  fse: 9.9,
  sampler: "ddim-trailing",
  steps: 20,
  cache: { kind: "listed", full: [0, 1, 4], branch: 0, forecast: { damping: 0.5 } },
  checked: CHECKED,
};
const PROFILE = {
  format: 1,
  version: "1.0.0",
  model: { architecture: "sd15", unet: "ab12" },
  reference: { sampler: "ddim", steps: 200 },
  points: [POINT],
};

test("a profile with timesteps of its own survives JSON", () => {
  const listed = { ...POINT, steps: 4, timesteps: [999, 600, 200, 0] };
  const profile = { ...PROFILE, points: [listed] };
  expect(readProfile(JSON.parse(JSON.stringify(profile)), "p.json")).toEqual(profile);
});

test("a profile survives JSON", () => {
  expect(readProfile(JSON.parse(JSON.stringify(PROFILE)), "p.json")).toEqual(PROFILE);
});

describe("readProfile() refuses", () => {
  test.each<[string, unknown, string]>([
    ["what is no object", [], "it holds no object"],
    ["another format", { ...PROFILE, format: 2 }, "its format is 2, and 1 is required"],
    ["no format", { ...PROFILE, format: undefined }, "its format is missing, and 1 is required"],
    ["no network", { ...PROFILE, model: {} }, '"model" does not name a network'],
    ["no settings", { ...PROFILE, points: [] }, '"points" holds no setting'],
    ["an unknown sampler", { ...PROFILE, points: [{ ...POINT, sampler: "x" }] }, 'setting 1 has the sampler "x"'],
    [
      "timesteps that rise",
      { ...PROFILE, points: [{ ...POINT, steps: 2, timesteps: [5, 5] }] },
      "setting 1 has [5,5] as timesteps: 2 whole numbers that fall are required",
    ],
    [
      "timesteps of another number",
      { ...PROFILE, points: [{ ...POINT, steps: 2, timesteps: [5] }] },
      "has [5] as timesteps",
    ],
    ["timesteps that are none", { ...PROFILE, points: [{ ...POINT, timesteps: "ays" }] }, 'has "ays" as timesteps'],
    ["nothing on other images", { ...PROFILE, points: [{ ...POINT, checked: {} }] }, 'setting 1 has no "checked"'],
    [
      "a comparison without numbers",
      { ...PROFILE, points: [{ ...POINT, checked: { ...CHECKED, aboveUncached: { mean: "4" } } }] },
      'setting 1 has no "checked"',
    ],
    ["no steps", { ...PROFILE, points: [{ ...POINT, steps: 0 }] }, "setting 1 has 0 steps"],
    [
      "a nonsense policy",
      { ...PROFILE, points: [{ ...POINT, cache: { kind: "listed", full: [3] } }] },
      "no cache policy",
    ],
  ])("%s", (_, json, problem) => {
    expect(() => readProfile(json, "p.json")).toThrow('Cannot read the profile "p.json"');
    expect(() => readProfile(json, "p.json")).toThrow(problem);
  });
});

describe("pointOf()", () => {
  const two = { ...PROFILE, points: [POINT, { ...POINT, budget: 13 }] } as unknown as Profile;

  test("takes the only setting, or the one for a budget", () => {
    expect(pointOf(PROFILE as unknown as Profile, undefined, "p").budget).toBe(10);
    expect(pointOf(two, 13, "p").budget).toBe(13);
  });

  test("says which budgets there are", () => {
    expect(() => pointOf(two, undefined, "p.json")).toThrow(
      'it has settings for 10, 13 full-step equivalents; add one behind @, as in "p.json@10"',
    );
    expect(() => pointOf(two, 9, "p.json")).toThrow(
      'Cannot find 9 full-step equivalents in the profile "p.json": it has 10, 13',
    );
  });
});

test("checkProfile() refuses another network by name", () => {
  const profile = PROFILE as unknown as Profile;
  expect(() => checkProfile(profile, { architecture: "sd15", unet: "ab12" }, "p.json")).not.toThrow();
  expect(() => checkProfile(profile, { architecture: "sdxl", unet: "cd34" }, "p.json")).toThrow(
    'Cannot use the profile "p.json" with this model: it was tuned for a U-Net of architecture "sd15" (ab12), and this one is "sdxl" (cd34)',
  );
});

test("pairedDifference() is the mean and Student's interval", () => {
  const { mean, halfWidth } = pairedDifference([3, 5, 4, 8], [1, 2, 3, 4]);
  expect(mean).toBe(2.5);
  expect(halfWidth).toBeCloseTo(2.0543, 3); // scipy.stats.t.interval(0.95, 3, scale=sem)
  expect(pairedDifference([3], [1]).halfWidth).toBe(Number.POSITIVE_INFINITY);
});
