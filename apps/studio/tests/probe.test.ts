import { expect, test } from "vitest";
import { EVALUATION, multiplicationsPerSecond, secondsPerPicture } from "../src/engine/probe.ts";

/** A clock on which every look is so many milliseconds after the last. */
const clock = (milliseconds: number) => {
  let at = 0;
  return () => {
    at += milliseconds;
    return at;
  };
};

test("A processor of half the speed takes twice the seconds for a picture", async () => {
  expect(await multiplicationsPerSecond(clock(4))).toBeCloseTo((4 * 96 ** 3) / 0.004, 3);
  const [fast, slow] = [await secondsPerPicture(clock(4)), await secondsPerPicture(clock(8))];
  expect(slow / fast).toBeCloseTo(2, 6);
  expect(fast).toBeGreaterThan((20 * EVALUATION) / 100e9); // nothing computes so many a second on one thread
});
