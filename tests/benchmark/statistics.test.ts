import { expect, test } from "vitest";
import { timesOf } from "../../src/benchmark/statistics.ts";

test("times are summed up as median and quartiles, whatever their order", () => {
  expect(timesOf([5, 1, 3, 2, 4])).toEqual({ seconds: 3, quartiles: [2, 4], samples: 5 });
});

test("between two times lies their middle", () => {
  expect(timesOf([1, 2])).toEqual({ seconds: 1.5, quartiles: [1.25, 1.75], samples: 2 });
});

test("one time is its own median", () => {
  expect(timesOf([7])).toEqual({ seconds: 7, quartiles: [7, 7], samples: 1 });
});

test("no times have no median", () => {
  expect(() => timesOf([])).toThrow("Cannot sum up times: none was measured");
});
