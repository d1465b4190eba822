import { describe, expect, test } from "vitest";
import {
  differenceOf,
  intervalOf,
  jackknifeInterval,
  mean,
  median,
  quantile,
  resample,
  worstMean,
} from "../../src/evaluation/measuring/statistics.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";

const normal = Float64Array.from(torchGenerator(1).randn([400]).data);
const standardError = Math.sqrt(mean(normal.map((value) => (value - mean(normal)) ** 2)) / (normal.length - 1));
const bootstrap = (...columns: Float64Array[]) => resample(columns).map(intervalOf);

describe("resample()", () => {
  test("gives about the mean and two standard errors to each side", () => {
    const [interval] = bootstrap(normal);
    const error = 1.96 * standardError;
    expect(interval?.mean).toBe(mean(normal));
    expect((interval?.high ?? 0) - mean(normal)).toBeGreaterThan(0.9 * error);
    expect((interval?.high ?? 0) - mean(normal)).toBeLessThan(1.1 * error);
    expect(mean(normal) - (interval?.low ?? 0)).toBeLessThan(1.1 * error);
  });

  test("gives the same intervals every time, whatever other columns there are", () => {
    expect(bootstrap(normal)[0]).toEqual(bootstrap(normal.map(Math.abs), normal)[1]);
  });

  test("draws columns together, so that differences are paired", () => {
    const [shifted, own] = resample([normal.map((value) => value + 0.01), normal]);
    const difference = intervalOf(differenceOf(shifted!, own!));
    for (const value of Object.values(difference)) expect(value).toBeCloseTo(0.01, 12);
  });

  test("the interval of a difference is that of the column of differences", () => {
    const other = Float64Array.from(torchGenerator(2).randn([400]).data);
    const [a, b, both] = resample([normal, other, normal.map((value, i) => value - other[i]!)]);
    const [difference, expected] = [intervalOf(differenceOf(a!, b!)), intervalOf(both!)];
    expect(difference.low).toBeCloseTo(expected.low, 12);
    expect(difference.high).toBeCloseTo(expected.high, 12);
  });

  test("gives a point for one value", () => {
    expect(bootstrap(Float64Array.of(3))).toEqual([{ mean: 3, low: 3, high: 3 }]);
  });

  test("refuses columns of different lengths and empty ones", () => {
    expect(() => resample([])).toThrow("Cannot resample columns of");
    expect(() => resample([new Float64Array(2), new Float64Array(3)])).toThrow("columns of 2, 3 values");
  });
});

describe("jackknifeInterval()", () => {
  test("is that of the standard error where the value is a mean and every image a group", () => {
    const total = mean(normal) * normal.length;
    const without = Array.from(normal, (value) => (total - value) / (normal.length - 1));
    const interval = jackknifeInterval({ value: mean(normal), without });
    expect(interval?.mean).toBe(mean(normal));
    expect((interval?.high ?? 0) - mean(normal)).toBeCloseTo(1.96 * standardError, 9);
    expect(mean(normal) - (interval?.low ?? 0)).toBeCloseTo(1.96 * standardError, 9);
  });

  test("needs two groups", () => {
    expect(jackknifeInterval({ value: 1, without: [] })).toBeUndefined();
    expect(jackknifeInterval({ value: 1, without: [1] })).toBeUndefined();
    expect(jackknifeInterval({ value: 1, without: [1, 1] })).toEqual({ mean: 1, low: 1, high: 1 });
  });
});

describe("worstMean()", () => {
  const values = Float64Array.from({ length: 41 }, (_, i) => 40 - i);

  test("averages the lowest twentieth where higher is better, and the highest where lower is", () => {
    expect(worstMean(values, "higher")).toBe((0 + 1 + 2) / 3);
    expect(worstMean(values, "lower")).toBe((40 + 39 + 38) / 3);
  });

  test("takes one value at least", () => {
    expect(worstMean(Float64Array.of(2, 1), "higher")).toBe(1);
  });
});

test("quantile() and median() interpolate between neighbours, as numpy does", () => {
  expect(quantile([1, 2, 4, 8], 0.25)).toBe(1.75);
  expect(quantile([1, 2, 4, 8], 1)).toBe(8);
  expect(median([8, 1, 4, 2])).toBe(3);
});
