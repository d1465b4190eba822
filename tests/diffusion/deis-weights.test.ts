import { expect, test } from "vitest";
import { valueWeights } from "../../src/diffusion/samplers/dpm-solver/deis.ts";
import { numpyLog } from "../../src/diffusion/schedules/numpy-log.ts";

/** As np.log of NumPy 2.4.6 gives them; none is the float32 number nearest to the logarithm. */
const LOGARITHMS = [
  [1.2080535888671875, 0.18901044130325317],
  [2.3104453086853027, 0.8374403119087219],
  [10543.3623046875, 9.263252258300781],
  [3.00529146194458, 1.100374460220337],
  [0.701912522315979, -0.3539464771747589],
  [684.7376708984375, 6.529036045074463],
] as const;

test.each(LOGARITHMS)("The logarithm of %s is rounded as NumPy rounds it", (value, logarithm) => {
  expect(Math.fround(Math.log(value))).not.toBe(logarithm);
  expect(numpyLog(value)).toBe(logarithm);
});

test.each([1, 2, 0.5, 4096, 2 ** -20, Math.fround(Math.SQRT1_2), Math.fround(Math.SQRT2)])(
  "The logarithm of %s is right to float32",
  (value) => {
    expect(Math.abs(numpyLog(value) - Math.log(value))).toBeLessThanOrEqual(2 ** -23 * Math.max(1, Math.log(value)));
  },
);

/** Of diffusers 0.42.1, squaredcos_cap_v2 with Karras' levels at 15 steps: noise far above the signal. */
const SIGMAS = [
  ...[20291.302734375, 12866.6318359375, 7903.9169921875, 4681.43505859375, 2657.72412109375, 1435.46337890625],
  ...[730.5366821289062, 345.8853454589844],
];

test.each([
  [2, [-1.320158, 0.946296, -0.31448]],
  [3, [-1.459938, 1.048455, -0.349974]],
  [4, [-1.631875, 1.174352, -0.393928]],
  [5, [-1.848293, 1.333162, -0.449795]],
] as const)("DEIS weighs noises at evaluation %i as diffusers does, whose float32 shows", (index, weights) => {
  const found = valueWeights(SIGMAS, index, 3);
  for (const [k, weight] of weights.entries()) expect(Math.abs((found[k] ?? 0) - weight)).toBeLessThan(1e-6);
});
