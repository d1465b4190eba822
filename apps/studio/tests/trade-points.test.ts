import { describe, expect, test } from "vitest";
import { FIRST_FORM } from "../src/state/form.ts";
import { emptyLane } from "../src/state/run-state.ts";
import { comparable, kindOf, type TradePoint, typicalSeconds, withPoint } from "../src/state/trade-points.ts";

const point = (name: string, seconds: number, isAlone: boolean): TradePoint => ({
  ...{ id: `${name}-${seconds}`, name, kind: "cache", variant: { cache: "uniform:3:0" }, isAlone, seconds, psnr: 30 },
  pair: { form: FIRST_FORM, lanes: [emptyLane("Original"), emptyLane(name)] },
});

describe("the time of a run", () => {
  const took = (seconds: number, full: boolean) => ({ full, seconds });

  test("is what evaluations of its kind typically take, so that the first one of a network does not count more", () => {
    const evaluations = [took(9, true), took(2, true), took(2, true), took(5, false), took(1, false), took(1, false)];
    expect(typicalSeconds({ evaluations })).toBe(3 * 2 + 3 * 1);
  });

  test("lies between the two where there are two of a kind, and is nothing where there are none", () => {
    expect(typicalSeconds({ evaluations: [took(4, true), took(2, true)] })).toBe(2 * 3);
    expect(typicalSeconds({ evaluations: [] })).toBe(0);
  });
});

describe("points of a trade-off", () => {
  const [pair, alone, other] = [point("N=3", 8, false), point("N=3", 4, true), point("N=5", 3, true)];

  test("are those of runs on their own, once there are any", () => {
    const made = [pair, point("N=8", 6, false)].reduce(withPoint, []);
    expect(comparable(made)).toEqual(made);
    expect(comparable(withPoint(made, other))).toEqual([other]);
  });

  test("show a setting once: on its own where it was made so, whichever came first", () => {
    expect([pair, alone].reduce(withPoint, [])).toEqual([alone]);
    expect([alone, pair].reduce(withPoint, [])).toEqual([alone]);
    expect([pair, point("N=3", 7, false)].reduce(withPoint, []).map(({ seconds }) => seconds)).toEqual([7]);
  });

  test("are told apart by how their runs are made faster", () => {
    const kinds = [{ cache: "off", steps: 9 }, { steps: 9 }, { cache: "uniform:3:0" }, { preset: "fast" }].map(kindOf);
    expect(kinds).toEqual(["fewer", "fewer", "cache", "preset"]);
  });
});
