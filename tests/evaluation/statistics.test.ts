import { describe, expect, test } from "vitest";
import { bootstrapMeans, mean, median, quantile, worstMean } from "../../src/evaluation/statistics.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";

describe("bootstrapMeans()", () => {
  const normal = Float64Array.from(torchGenerator(1).randn([400]).data);

  test("gives about the mean and two standard errors to each side", () => {
    const [interval] = bootstrapMeans([normal]);
    const deviation = Math.sqrt(mean(normal.map((value) => (value - mean(normal)) ** 2)));
    const error = (1.96 * deviation) / Math.sqrt(normal.length);
    expect(interval?.mean).toBe(mean(normal));
    expect((interval?.high ?? 0) - mean(normal)).toBeGreaterThan(0.9 * error);
    expect((interval?.high ?? 0) - mean(normal)).toBeLessThan(1.1 * error);
    expect(mean(normal) - (interval?.low ?? 0)).toBeLessThan(1.1 * error);
  });

  test("gives the same intervals every time, whatever other columns there are", () => {
    expect(bootstrapMeans([normal])[0]).toEqual(bootstrapMeans([normal.map(Math.abs), normal])[1]);
  });

  test("resamples columns together, so that differences are paired", () => {
    const shifted = normal.map((value) => value + 0.01);
    const [difference] = bootstrapMeans([shifted.map((value, i) => value - (normal[i] ?? 0))]);
    expect(difference?.low).toBeCloseTo(0.01, 12);
    expect(difference?.high).toBeCloseTo(0.01, 12);
  });

  test("gives a point for one value", () => {
    expect(bootstrapMeans([Float64Array.of(3)])).toEqual([{ mean: 3, low: 3, high: 3 }]);
  });

  test("refuses columns of different lengths and empty ones", () => {
    expect(() => bootstrapMeans([])).toThrow("Cannot resample columns of");
    expect(() => bootstrapMeans([new Float64Array(2), new Float64Array(3)])).toThrow("columns of 2, 3 values");
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
