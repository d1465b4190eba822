import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawPlan } from "../../src/deepcache/plan.ts";
import { centeredPlan, closestCenteredPlan } from "../../src/deepcache/plans/centered.ts";
import { quadraticPlan } from "../../src/deepcache/plans/quadratic.ts";
import { type CachePolicy, fullEvaluations } from "../../src/deepcache/policies.ts";
import { readJson } from "../support/fixtures.ts";

interface Entry {
  readonly T: number;
  readonly N: number;
  readonly center: number;
  readonly pow: number;
  readonly full?: number[];
  readonly pow_used?: number;
  readonly raises?: string;
}
type PlanName = "uniform" | "center" | "center_ddpm" | "ldm_quad";
const plans = readJson("plans.json") as Record<PlanName, Entry[]>;

const rounded = (power: number): number => Number(power.toFixed(10));
const centered = ({ T, N, center, pow }: Entry) => ({ length: T, interval: N, center, power: pow });

describe("against the reference's own functions", () => {
  test.each(plans.uniform)("uniform, $N of $T", ({ T, N, full }) => {
    expect(fullEvaluations({ kind: "uniform", interval: N, branch: 0 }, T)).toEqual(full);
  });

  test.each(plans.center.filter(({ raises }) => !raises))("centered, $N of $T, $center, $pow", (entry) => {
    const { full, power } = centeredPlan(centered(entry));
    expect(full).toEqual(entry.full);
    expect(rounded(power)).toBe(entry.pow_used);
  });

  test.each(plans.center.filter(({ raises }) => raises))("centered raises, $N of $T, $center, $pow", (entry) => {
    expect(() => centeredPlan(centered(entry))).toThrow(RangeError);
    expect(() => centeredPlan(centered(entry))).toThrow("use a larger interval, a smaller center or a power above 1");
  });

  test.each(plans.center_ddpm)("closest centered, $N of $T, $center, $pow", (entry) => {
    if (entry.raises) expect(() => closestCenteredPlan(centered(entry))).toThrow("it must be above 1");
    else expect(closestCenteredPlan(centered(entry)).full).toEqual(entry.full);
  });

  test.each(plans.ldm_quad)("quadratic, $N of $T, $pow", ({ T, N, pow, full }) => {
    expect(quadraticPlan({ length: T, interval: N, power: pow })).toEqual(full);
    expect(fullEvaluations({ kind: "quadratic", interval: N, power: pow, branch: 0 }, T)).toEqual(full);
  });

  test("a power whose last bit decides comes out as numpy computes it", () => {
    // 24 (1/4)^1.5 is exactly 3.
    expect(centeredPlan({ length: 24, interval: 6, center: 0, power: 1.5 }).full).toEqual([0, 3, 8, 15]);
    // The first point of the curve is -2 or just short of it: numpy 2.4 lowers the power to 1.46 here.
    expect(centeredPlan({ length: 25, interval: 2, center: 2, power: 1.5 }).power).toBeCloseTo(1.46, 10);
  });
});

describe("fullEvaluations()", () => {
  const any: fc.Arbitrary<CachePolicy> = fc.oneof(
    fc.constant<CachePolicy>({ kind: "off" }),
    fc.record({ kind: fc.constant("uniform" as const), interval: fc.integer({ min: 1, max: 60 }), branch: fc.nat(11) }),
    fc.record({
      kind: fc.constant("centered" as const),
      interval: fc.integer({ min: 1, max: 12 }),
      center: fc.nat(60),
      power: fc.double({ min: 1.01, max: 3, noNaN: true }),
      branch: fc.nat(11),
    }),
    fc.record({
      kind: fc.constant("quadratic" as const),
      interval: fc.integer({ min: 1, max: 60 }),
      power: fc.double({ min: 1, max: 10, noNaN: true }),
      branch: fc.nat(11),
    }),
  );

  test("ends with the run where the center lies behind it", () => {
    const full = fullEvaluations(
      { kind: "centered", interval: 2, center: 60, power: 1.4645749392848721, branch: 0 },
      59,
    );
    expect(full.slice(-2)).toEqual([56, 58]); // the published schedule goes on to 59
  });

  test("starts with 0 and increases within the run, whatever the policy", () => {
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 120 }), (policy, evaluations) => {
        let full: number[];
        try {
          full = fullEvaluations(policy, evaluations);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        expect(full[0]).toBe(0);
        for (let i = 1; i < full.length; i++) expect(full[i]).toBeGreaterThan(full[i - 1]!);
        expect(full.at(-1)).toBeLessThan(evaluations);
      }),
    );
  });

  test.each<CachePolicy>([
    { kind: "off" },
    { kind: "uniform", interval: 1, branch: 3 },
    { kind: "centered", interval: 1, center: 15, power: 1.4, branch: 0 },
    { kind: "quadratic", interval: 1, power: 1.5, branch: 0 },
  ])("makes every evaluation full for $kind at interval 1, PNDM's extra one included", (policy) => {
    expect(fullEvaluations(policy, 51, 50)).toEqual(Array.from({ length: 51 }, (_, i) => i));
  });

  test("never makes PNDM's extra evaluation full otherwise", () => {
    const uniform: CachePolicy = { kind: "uniform", interval: 5, branch: 0 };
    expect(fullEvaluations(uniform, 51, 50)).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 40, 45]);
    expect(fullEvaluations(uniform, 51)).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);
  });

  test("takes a list as it is", () => {
    expect(fullEvaluations({ kind: "listed", full: [0, 3, 50], branch: 0 }, 51, 50)).toEqual([0, 3, 50]);
  });

  test.each<[CachePolicy, string]>([
    [{ kind: "uniform", interval: 0, branch: 0 }, "Cannot use cache interval 0: it must be an integer of at least 1"],
    [{ kind: "uniform", interval: 2.5, branch: 0 }, "cache interval 2.5"],
    [{ kind: "uniform", interval: 2, branch: -1 }, "Cannot use cache branch -1: it must be an integer of at least 0"],
    [{ kind: "centered", interval: 2, center: 1.5, power: 1.4, branch: 0 }, "cache center 1.5"],
    [{ kind: "centered", interval: 2, center: -1, power: 1.4, branch: 0 }, "cache center -1"],
    [{ kind: "centered", interval: 5, center: 15, power: 1, branch: 0 }, "above 1 and at most 10"],
    [{ kind: "quadratic", interval: 0, power: 1.5, branch: 0 }, "cache interval 0"],
    [
      { kind: "quadratic", interval: 5, power: 0.9, branch: 0 },
      "cache power 0.9: it must be at least 1 and at most 10",
    ],
    [{ kind: "listed", full: [1, 2], branch: 0 }, "increasing integers that start with 0"],
    [{ kind: "listed", full: [], branch: 0 }, "increasing integers that start with 0"],
    [{ kind: "listed", full: [0, 4, 4], branch: 0 }, "increasing integers that start with 0"],
    [
      { kind: "listed", full: [0, 20], branch: 0 },
      "Cannot make evaluation 20 full: this run has 20 evaluations, 0 to 19",
    ],
  ])("refuses %j", (policy, message) => {
    expect(() => fullEvaluations(policy, 20)).toThrow(RangeError);
    expect(() => fullEvaluations(policy, 20)).toThrow(message);
  });

  test("says what to change when no power fits", () => {
    expect(() => fullEvaluations({ kind: "centered", interval: 2, center: 15, power: 1.4, branch: 0 }, 30)).toThrow(
      "Cannot spread 15 full evaluations over 30 around evaluation 15 (interval 2) with any power from 1.4 down to 1",
    );
  });

  test.each([
    [0, 0],
    [1.5, 1],
    [10, 11],
    [10, 0],
  ])("refuses %s evaluations over a schedule of %s", (evaluations, length) => {
    expect(() => fullEvaluations({ kind: "off" }, evaluations, length)).toThrow("Cannot plan");
  });
});

test("drawPlan() shows full and cached evaluations", () => {
  expect(drawPlan([0, 4, 8], 9)).toBe("█···█···█");
});
