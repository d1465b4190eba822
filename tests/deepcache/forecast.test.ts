import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { forecastFactors } from "../../src/deepcache/forecast.ts";
import {
  type CachePolicy,
  type CachePolicyInput,
  formatPolicy,
  fullEvaluations,
  parsePolicy,
  parsePolicyText,
} from "../../src/deepcache/policies.ts";

describe("warmup", () => {
  test.each<[string, number, number[]]>([
    ["uniform:2:0+warmup:2", 8, [0, 1, 3, 5, 7]],
    ["uniform:3:0+warmup:3", 10, [0, 1, 2, 5, 8]],
    ["uniform:3:0+warmup:1", 7, [0, 3, 6]],
    ["uniform:1:0+warmup:4", 3, [0, 1, 2]],
    ["listed:0/5/9:0+warmup:2", 10, [0, 1, 5, 9]],
    ["listed:0/2/9:0+warmup:4", 10, [0, 1, 2, 3, 9]],
    ["uniform:5:0+warmup:99", 4, [0, 1, 2, 3]],
  ])("of %s over %i evaluations makes %j full", (text, evaluations, full) => {
    expect(fullEvaluations(parsePolicyText(text), evaluations)).toEqual(full);
  });

  test("shifts a centered schedule, but not its center", () => {
    const plan = (text: string, length: number): number[] => fullEvaluations(parsePolicyText(text), length);
    const later = plan("centered:5:13:1.4:0", 48);
    const warm = plan("centered:5:15:1.4:0+warmup:3", 50);
    expect(warm.slice(0, 3)).toEqual([0, 1, 2]);
    expect(warm.slice(2)).toEqual(later.map((i) => i + 2));
  });

  test("of any policy begins with so many full evaluations, all of them increasing and within the run", () => {
    const policy = fc.oneof(
      fc.record({ kind: fc.constant("uniform" as const), interval: fc.integer({ min: 1, max: 20 }) }),
      fc.record({
        kind: fc.constant("centered" as const),
        interval: fc.integer({ min: 1, max: 12 }),
        center: fc.nat(60),
        power: fc.double({ min: 1.05, max: 3, noNaN: true }),
      }),
      fc.record({
        kind: fc.constant("quadratic" as const),
        interval: fc.integer({ min: 1, max: 20 }),
        power: fc.double({ min: 1, max: 3, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 8, max: 60 }), (own, warmup, length) => {
        const full = fullEvaluations({ ...own, warmup }, length);
        expect(full.slice(0, warmup)).toEqual(Array.from({ length: warmup }, (_, i) => i));
        expect(full.every((value, i) => value < length && (i === 0 || value > full[i - 1]!))).toBe(true);
      }),
    );
  });
});

test.each<[CachePolicyInput, string]>([
  [{ kind: "uniform", interval: 2, warmup: 2, forecast: { damping: 0.75 } }, "uniform:2:0+warmup:2+forecast:0.75"],
  [{ kind: "uniform", interval: 2, forecast: { factors: [0, 0, 0.5, -0.25] } }, "uniform:2:0+forecast:0/0/0.5/-0.25"],
  [{ kind: "listed", full: [0, 3], branch: 1, warmup: 2 }, "listed:0/3:1+warmup:2"],
  [{ kind: "centered", interval: 5, center: 9, power: 1.4, forecast: { damping: 0 } }, "centered:5:9:1.4:0+forecast:0"],
])("the policy %j is written %s, and read from it", (policy, text) => {
  expect(formatPolicy(policy)).toBe(text);
  expect(parsePolicyText(text)).toEqual(parsePolicy(policy));
  expect(parsePolicyText(text.replaceAll("+", " + "))).toEqual(parsePolicy(policy));
});

test("a policy that copies after one full evaluation is the data that it was before there were forecasts", () => {
  expect(parsePolicy({ kind: "uniform", interval: 3, warmup: 1, forecast: undefined })).toEqual({
    kind: "uniform",
    interval: 3,
    branch: 0,
  });
});

test.each<[string, string]>([
  ["uniform:2:0+forecast:1.5", "Cannot use the forecast damping 1.5: it must be from 0 (a copy) to 1"],
  ["uniform:2:0+forecast:-0.1", "Cannot use the forecast damping -0.1"],
  ["uniform:2:0+forecast:much", '"much" is not a damping such as 0.75, or a factor for each evaluation'],
  ["uniform:2:0+forecast:0/1e9", "Cannot use the forecast factor 1000000000: it must be from -100 to 100"],
  ["uniform:2:0+warmup:0", "Cannot use cache warmup 0: it must be an integer of at least 1"],
  ["uniform:2:0+warmup:1.5", "Cannot use cache warmup 1.5"],
  ["uniform:2:0+warmup:2+warmup:3", 'it gives "warmup" twice'],
  ["uniform:2:0+warm:2", 'behind + "uniform" takes "warmup", "forecast", not "warm"; did you mean "warmup"?'],
  ["off+warmup:2", 'behind + "off" takes no settings, not "warmup"'],
])("the text %s is refused", (text, message) => {
  expect(() => parsePolicyText(text)).toThrow(message);
});

describe("forecastFactors()", () => {
  const damped = (damping: number): CachePolicy => ({ kind: "uniform", interval: 3, branch: 0, forecast: { damping } });

  test("grow with the distance from the last full evaluation, and end with the next", () => {
    expect(forecastFactors(damped(0.75), [0, 2, 6], 9)).toEqual([0, 0, 0, 0.375, 0.75, 1.125, 0, 0.1875, 0.375]);
  });

  test("are none for a copy, a damping of 0 and a run without cached evaluations", () => {
    expect(forecastFactors({ kind: "uniform", interval: 3, branch: 0 }, [0, 3], 6)).toBeUndefined();
    expect(forecastFactors({ kind: "off" }, [0, 1], 2)).toBeUndefined();
    expect(forecastFactors(damped(0), [0, 3], 6)).toBeUndefined();
    expect(forecastFactors(damped(1), [0, 1, 2], 3)).toBeUndefined();
  });

  test("are 0 as long as there is one result only", () => {
    expect(forecastFactors(damped(1), [0], 4)).toEqual([0, 0, 0, 0]);
  });

  test("that are given must be as many as the evaluations, and 0 where these are full", () => {
    const given = (factors: readonly number[]): CachePolicy => ({ ...damped(0), forecast: { factors } }) as CachePolicy;
    expect(forecastFactors(given([0, 0.5, 0, 0.25]), [0, 2], 4)).toEqual([0, 0.5, 0, 0.25]);
    expect(() => forecastFactors(given([0, 0.5, 0]), [0, 2], 4)).toThrow(
      "Cannot forecast with 3 factors: this run has 4 evaluations, and each needs one",
    );
    expect(() => forecastFactors(given([0, 0.5, 1, 0]), [0, 2], 4)).toThrow(
      "Cannot forecast by 1 on evaluation 2: it is full, which requires the factor 0",
    );
  });
});
