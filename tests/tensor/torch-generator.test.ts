import { describe, expect, test } from "vitest";
import { float16ToFloat32 } from "../../src/tensor/half.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { NORMAL_DEVIATE } from "../support/assertions/tolerances.ts";
import { readFixture, readJson } from "../support/fixtures.ts";
import { readRawFixture } from "./raw-fixture.ts";

const FILE = "rng/torch.safetensors";
const expected = readFixture(FILE);
const raw = readRawFixture(FILE);
const named = (kind: string): string[] => expected.names.filter((name) => name.startsWith(`${kind}.`));
const parts = (name: string): { seed: number; shape: number[] } => {
  const [, seed, size] = name.split(".");
  return { seed: Number(seed), shape: size!.split("x").map(Number) };
};

describe("torchGenerator() draws what torch draws", () => {
  test.each(named("rand"))("%s", (name) => {
    const { seed, shape } = parts(name);
    expect(torchGenerator(seed).rand(shape)).toEqual(expected.tensor(name));
  });

  test.each(named("randn"))("%s", (name) => {
    const { seed, shape } = parts(name);
    expect(torchGenerator(seed).randn(shape)).toBeCloseTensor(expected.tensor(name), NORMAL_DEVIATE);
  });

  test.each(named("randn_f64"))("%s", (name) => {
    const { seed, shape } = parts(name);
    const drawn = torchGenerator(seed).randnF64(shape[0]!);
    const wanted = new Float64Array(raw.get(name)!.buffer);
    expect(drawn).toHaveLength(wanted.length);
    for (const [i, value] of wanted.entries()) expect(drawn[i]).toBeCloseTo(value, 13);
  });

  test.each(named("randn_f16"))("%s", (name) => {
    const { seed, shape } = parts(name);
    const wanted = float16ToFloat32(new Uint16Array(raw.get(name)!.buffer));
    expect(torchGenerator(seed).randnF16(shape).data).toEqual(wanted);
  });

  test.each(named("randint1000"))("%s", (name) => {
    const { seed, shape } = parts(name);
    expect(torchGenerator(seed).randint(0, 1000, shape[0]!)).toEqual([...expected.tensor(name).data]);
  });

  test.each(named("randperm"))("%s", (name) => {
    const { seed, shape } = parts(name);
    expect(torchGenerator(seed).randperm(shape[0]!)).toEqual([...expected.tensor(name).data]);
  });

  const seeds = [...new Set(named("chain").map((name) => name.split(".")[1]!))];
  test.each(seeds)("successive draws from one generator, seed %s", (seed) => {
    const generator = torchGenerator(Number(seed));
    const draws = named(`chain.${seed}`);
    const inOrder = draws.toSorted((a, b) => Number(a.split(".")[2]) - Number(b.split(".")[2]));
    for (const name of inOrder) {
      const [, , , kind, size] = name.split(".");
      const drawn = kind === "rand" ? generator.rand([Number(size)]) : generator.randn([Number(size)]);
      expect(drawn).toBeCloseTensor(expected.tensor(name), NORMAL_DEVIATE);
    }
  });
});

describe("torchGenerator() seeds", () => {
  test("keeps the low 32 bits, as torch does", () => {
    expect(readJson("rng/notes.json")).toEqual({ "seed_2**53-1_equals_seed_2**32-1": true });
    const wanted = torchGenerator(2 ** 32 - 1).randn([20]);
    expect(torchGenerator(2 ** 53 - 1).randn([20])).toEqual(wanted);
    expect(torchGenerator(2n ** 64n - 1n).randn([20])).toEqual(wanted);
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 53, -1n, 2n ** 64n])("refuses %s", (seed) => {
    expect(() => torchGenerator(seed)).toThrow(
      `Cannot seed with ${seed}: a seed is an integer from 0 to 2^53 - 1, or a bigint from 0 to 2^64 - 1`,
    );
  });

  test("gives every generator its own state", () => {
    const first = torchGenerator(3);
    first.randn([3]);
    expect(torchGenerator(3).randn([3])).toEqual(torchGenerator(3).randn([3]));
  });
});

test("randn() keeps the shape and draws nothing for an empty one", () => {
  const generator = torchGenerator(0);
  expect(generator.randn([2, 0])).toEqual(tensor(new Float32Array(), [2, 0]));
  expect(generator.randn([2, 3]).shape).toEqual([2, 3]);
});

test("randint() refuses ranges that torch draws in another way", () => {
  expect(() => torchGenerator(0).randint(0, 2 ** 28, 1)).toThrow("1 to 2^28 - 1 values");
  expect(() => torchGenerator(0).randint(5, 5, 1)).toThrow(RangeError);
  expect(torchGenerator(0).randint(-3, -2, 2)).toEqual([-3, -3]);
});
