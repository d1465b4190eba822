import type { Value } from "../onnx/graph.ts";
import { add, divide, multiply, planeMeans, scalar, sizeOf, slice, subtract, vectorLength } from "../onnx/ops.ts";
import { conv2d } from "./conv2d.ts";
import type { Scope } from "./scope.ts";

/** What lpips adds to a length before it divides by it. */
const EPSILON = 1e-10;

/**
 * How far the first half of a batch of features [2P, C, H, W] is from the second, as [P, 1]: squared differences of
 * the unit vectors of every place, weighted by channel (lpips' `NetLinLayer`) and averaged over places.
 */
export function perceptualDistance(scope: Scope, features: Value): Value {
  const unit = divide(features, add(vectorLength(features, 1), scalar(features, EPSILON)));
  const pairs = sizeOf(features, 0) / 2;
  const difference = subtract(slice(unit, 0, 0, pairs), slice(unit, 0, pairs, 2 * pairs));
  return planeMeans(conv2d(scope, multiply(difference, difference), 1, { bias: false }));
}
