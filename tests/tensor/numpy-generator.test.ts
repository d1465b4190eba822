import { expect, test } from "vitest";
import { numpyGenerator } from "../../src/tensor/numpy-generator.ts";
import { readJson } from "../support/fixtures.ts";

const expected = readJson("rng/numpy_randomstate.json") as Record<string, number[]>;
const seeds = Object.keys(expected)
  .filter((name) => name.startsWith("randn."))
  .map((name) => name.split(".")[1]!);

test.each(seeds)("numpyGenerator(%s) draws what RandomState draws, in the fixture's order", (seed) => {
  const generator = numpyGenerator(Number(seed));
  const draws: Record<string, (count: number) => number[]> = {
    randn: generator.randn,
    rand_after: generator.rand,
    randn_after: generator.randn,
    randint1000_after: (count) => generator.randint(0, 1000, count),
    permutation_after: generator.permutation,
  };
  for (const [kind, draw] of Object.entries(draws)) {
    const wanted = expected[`${kind}.${seed}`]!;
    const drawn = draw(wanted.length);
    // log may differ from the C library's in the last bit; everything else is exact.
    if (kind.startsWith("randn")) for (const [i, value] of wanted.entries()) expect(drawn[i]).toBeCloseTo(value, 13);
    else expect(drawn, kind).toEqual(wanted);
  }
});

test("numpyGenerator() refuses what numpy refuses", () => {
  for (const seed of [-1, 2 ** 32, 0.5]) expect(() => numpyGenerator(seed)).toThrow("an integer from 0 to 2^32 - 1");
  expect(() => numpyGenerator(0).randint(1, 1, 1)).toThrow(RangeError);
  expect(numpyGenerator(0).randint(7, 8, 3)).toEqual([7, 7, 7]);
});
