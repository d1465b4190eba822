import { describe, expect, test } from "vitest";
import { guidedDenoiser } from "../../src/denoisers/guided.ts";
import type { Denoiser } from "../../src/diffusion/denoiser.ts";
import { elementCount, type Tensor } from "../../src/tensor/tensor.ts";
import { SAME_FORMULA } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";

const SHAPE = [2, 3, 4, 5];
const SIZE = elementCount(SHAPE);
const sample = randomTensor(SHAPE, 1);
/** What the network says without and with the condition. */
const both = randomTensor([4, 3, 4, 5], 2);

/** A network that always says `both` and remembers what it was asked. */
function network(): Denoiser & { readonly asked: [Tensor, number][] } {
  const asked: [Tensor, number][] = [];
  return {
    asked,
    async predict(input, timestep) {
      asked.push([input, timestep]);
      return both;
    },
  };
}

const combined = (scale: number): Tensor => ({
  data: Float32Array.from({ length: SIZE }, (_, i) => {
    const [without = 0, within = 0] = [both.data[i], both.data[SIZE + i]];
    return without + scale * (within - without);
  }),
  shape: SHAPE,
});

describe("guidedDenoiser()", () => {
  test("shows the batch once to a network that shares what both halves have in common", async () => {
    const inner = network();
    const guided = await guidedDenoiser(inner, { scale: 7.5, shared: true }).predict(sample, 42.5);
    expect(inner.asked).toEqual([[sample, 42.5]]);
    expect(guided).toBeCloseTensor(combined(7.5), SAME_FORMULA);
  });

  test("asks once, for the batch without the condition and then with it", async () => {
    const inner = network();
    await guidedDenoiser(inner, { scale: 7.5 }).predict(sample, 42.5);
    const doubled = Float32Array.of(...sample.data, ...sample.data);
    expect(inner.asked).toEqual([[{ data: doubled, shape: [4, 3, 4, 5] }, 42.5]]);
  });

  test.each([0, 0.5, 1, 7.5, -2])("mixes at scale %s as the formula says", async (scale) => {
    expect(await guidedDenoiser(network(), { scale }).predict(sample, 1)).toEqual(combined(scale));
  });

  test("ignores the condition at scale 0 and gives it alone at scale 1", async () => {
    const at = async (scale: number) => (await guidedDenoiser(network(), { scale }).predict(sample, 1)).data;
    expect(await at(0)).toEqual(both.data.subarray(0, SIZE));
    expect({ data: await at(1), shape: SHAPE }).toBeCloseTensor(
      { data: both.data.slice(SIZE), shape: SHAPE },
      SAME_FORMULA,
    );
  });

  test("leaves network and sample as they are", async () => {
    const [before, input] = [both.data.slice(), sample.data.slice()];
    await guidedDenoiser(network(), { scale: 3, rescale: 0.7 }).predict(sample, 1);
    expect([both.data, sample.data]).toEqual([before, input]);
  });

  test.each([0.7, 1])("rescales by %s towards the conditional deviation, image by image", async (rescale) => {
    const scale = 7.5;
    const guided = combined(scale);
    const rowSize = SIZE / 2;
    const deviation = (values: Float32Array): number => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
    };
    const factors = [0, 1].map((row) => {
      const part = guided.data.subarray(row * rowSize, (row + 1) * rowSize);
      const conditional = both.data.subarray((2 + row) * rowSize, (3 + row) * rowSize);
      return rescale * (deviation(conditional) / deviation(part)) + 1 - rescale;
    });
    expect(factors[0]).not.toBe(factors[1]);
    const expected = guided.data.map((value, i) => value * (factors[Math.floor(i / rowSize)] ?? 0));
    const actual = await guidedDenoiser(network(), { scale, rescale }).predict(sample, 1);
    expect(actual).toBeCloseTensor({ data: expected, shape: SHAPE }, SAME_FORMULA);
  });
});
