import { expect, test } from "vitest";
import { brownianTree } from "../../src/tensor/brownian-tree.ts";
import { NORMAL_DEVIATE } from "../support/assertions/tolerances.ts";

// torchsde 0.2.6, asked between the two times: BrownianInterval(0.029167, 14.6146, size=(3,), entropy=7, tol=1e-6,
// pool_size=24, halfway_tree=True)
const path = brownianTree(7, [3], 0.029167, 14.6146);
const MOVED: readonly (readonly [from: number, to: number, moved: readonly number[]])[] = [
  [1, 2, [-0.37349915, 2.1131194, 0.6091485]],
  [0.5, 0.500003, [-0.00011108481, 0.0019920703, -0.0034665982]],
  [3.3, 3.4, [0.3457223, 0.34101894, 0.6682469]],
  [0.029167, 1, [0.27269772, 1.12609, -0.5095483]],
];

const tensor = (values: readonly number[]) => ({ shape: [values.length], data: Float32Array.from(values) });

test.each(MOVED)("a path moves from %d to %d as torchsde's does", (from, to, moved) => {
  expect(path.increment(from, to)).toBeCloseTensor(tensor(moved), NORMAL_DEVIATE);
});

test("a path is the same in whatever order it is asked for", () => {
  const backwards = brownianTree(7, [3], 0.029167, 14.6146);
  const asked = MOVED.toReversed().map(([from, to]) => backwards.increment(from, to));
  expect(asked.reverse()).toEqual(MOVED.map(([from, to]) => path.increment(from, to)));
});

test("a path stands still where it has no length, and outside of what it was made for", () => {
  const still = tensor([0, 0, 0]);
  expect(path.increment(2, 2)).toEqual(still);
  expect(path.increment(0, 0.02)).toEqual(still);
  expect(path.increment(0, 20)).toEqual(path.increment(0.029167, 14.6146));
});
