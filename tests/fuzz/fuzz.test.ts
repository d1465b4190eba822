import { describe, expect, test } from "vitest";
import { READER_NAMES } from "../../tools/fuzz/cases.ts";
import { faultOf } from "../../tools/fuzz/judge.ts";
import { runCase } from "../../tools/fuzz/run-cases.ts";

/** Enough to meet most kinds of damage, few enough for seconds; `npm run fuzz` takes any number. */
const CASES = 120;
const SEED = 20_251_128;

test.each(READER_NAMES)("The reader %s refuses in its own words, or reads, whatever is in a file", async (reader) => {
  for (let number = 0; number < CASES; number++) {
    const fault = await runCase({ seed: SEED, reader, number });
    expect(fault, `npm run fuzz -- --seed ${SEED} --readers ${reader} --case ${number}`).toBeUndefined();
  }
});

describe("What the fuzzer takes for a fault", () => {
  test.each([
    [new TypeError("x is not a function"), "internal TypeError: x is not a function"],
    [new RangeError("Cannot read: no"), "RangeError without the file: Cannot read: no"],
    ["a text", "threw a text, which is no Error"],
    [new RangeError(`Cannot read CASE: ${"x".repeat(3000)}`), "message of 3018 characters"],
    [new RangeError("Cannot read CASE: no"), undefined],
  ])("%s", (error, fault) => {
    expect(faultOf("torch", error)).toBe(fault);
  });
});
