import { expect, test } from "vitest";
import { addGrams, closestPlan, fitFactors, fitForecast, type Gram, gramCollector } from "../../src/tuning/gram.ts";
import { randomTensor } from "../support/random-tensor.ts";

/** The features of a run, evaluation by evaluation. */
function gramOf(features: readonly Float32Array[]): Gram {
  const collector = gramCollector();
  for (const feature of features) collector.add([feature]);
  return collector.finish();
}

const wandering = (evaluations: number, seed: number): Float32Array[] => {
  const [start, turn] = [randomTensor([64], seed).data, randomTensor([64], seed + 1).data];
  return Array.from({ length: evaluations }, (_, i) =>
    Float32Array.from(start, (value, k) => Math.sin((1 + k / 40) * 0.3 * i + value) + 0.1 * turn[k]! * i),
  );
};

/** What is left of a feature after the best step along the line, found by trying many. */
function smallestError(feature: Float32Array, last: Float32Array, before: Float32Array): number {
  let best = Number.POSITIVE_INFINITY;
  for (let factor = -5; factor <= 5; factor += 0.001) {
    let error = 0;
    for (let k = 0; k < feature.length; k++) {
      error += (feature[k]! - last[k]! - factor * (last[k]! - before[k]!)) ** 2;
    }
    best = Math.min(best, error);
  }
  return best;
}

test("features on a line are forecast without an error", () => {
  const line = Array.from({ length: 6 }, (_, i) => Float32Array.from([1 + i, 2 - 3 * i, 0.5 * i]));
  const gram = gramOf(line);
  expect(fitForecast(gram, 5, 2, 0).factor).toBeCloseTo(1.5, 6);
  expect(fitForecast(gram, 5, 2, 0).error).toBeCloseTo(0, 6);
  expect(fitFactors(gram, [0, 1, 3])).toEqual([
    0,
    0,
    expect.closeTo(1, 5),
    0,
    expect.closeTo(0.5, 5),
    expect.closeTo(1, 5),
  ]);
});

test("a fitted factor leaves no more than any other", () => {
  const features = wandering(8, 3);
  const { error } = fitForecast(gramOf(features), 6, 4, 1);
  const smallest = smallestError(features[6]!, features[4]!, features[1]!);
  expect(error).toBeGreaterThan(0);
  expect(error).toBeLessThanOrEqual(smallest * (1 + 1e-6));
  expect(error).toBeCloseTo(smallest, 3);
});

test("one result, or two equal ones, are copied", () => {
  const gram = gramOf([Float32Array.of(1, 2), Float32Array.of(1, 2), Float32Array.of(3, 2)]);
  expect(fitForecast(gram, 2, 1, undefined)).toEqual({ factor: 0, error: 4 });
  expect(fitForecast(gram, 2, 1, 0)).toEqual({ factor: 0, error: 4 });
});

test("the features of several runs count together", () => {
  const [a, b] = [wandering(5, 1), wandering(5, 20)];
  const joined = a.map((feature, i) => Float32Array.from([...feature, ...b[i]!]));
  expect(fitForecast(addGrams([gramOf(a), gramOf(b)]), 4, 2, 1).factor).toBeCloseTo(
    fitForecast(gramOf(joined), 4, 2, 1).factor,
    6,
  );
});

test("the closest plan is the best of all plans of its size", () => {
  const evaluations = 8;
  const gram = gramOf(wandering(evaluations, 7));
  const errorOf = (full: readonly number[]): number => {
    let error = 0;
    for (let i = 0; i < evaluations; i++) {
      if (full.includes(i)) continue;
      const known = full.filter((evaluation) => evaluation < i);
      error += fitForecast(gram, i, known.at(-1)!, known.at(-2)).error;
    }
    return error;
  };
  for (const count of [1, 2, 3, 4, 6, 8]) {
    const all: number[][] = [];
    const grow = (plan: number[]): void => {
      if (plan.length === count) all.push(plan);
      else for (let next = plan.at(-1)! + 1; next < evaluations; next++) grow([...plan, next]);
    };
    grow([0]);
    expect(errorOf(closestPlan(gram, count)), `${count} full`).toBeCloseTo(Math.min(...all.map(errorOf)), 6);
  }
});
