import { expect } from "vitest";
import { elementCount, type Tensor } from "../../../src/tensor/tensor.ts";
import type { Tolerance } from "./tolerances.ts";

declare module "vitest" {
  // biome-ignore lint/suspicious/noExplicitAny: must repeat the declaration that it merges with
  interface Matchers<T = any> {
    /** Same shape and every |difference| <= atol + rtol * max|expected|; NaN equals only NaN. */
    toBeCloseTensor(expected: Tensor, tolerance: Tolerance): T;
  }
}

expect.extend({
  toBeCloseTensor(actual: Tensor, expected: Tensor, { atol, rtol }: Tolerance) {
    const sameShape = actual.shape.join() === expected.shape.join();
    if (!sameShape || actual.data.length !== elementCount(expected.shape)) {
      return { pass: false, message: () => `shape [${actual.shape}] against [${expected.shape}]` };
    }
    let largest = 0;
    for (const value of expected.data) if (Math.abs(value) > largest) largest = Math.abs(value);
    const allowed = atol + rtol * largest;
    let worst = -1;
    let error = -1;
    for (let i = 0; i < expected.data.length; i++) {
      const [a, b] = [actual.data[i]!, expected.data[i]!];
      const difference = Object.is(a, b) || a === b ? 0 : Math.abs(a - b);
      if (Number.isNaN(difference) || difference > error) {
        worst = i;
        error = difference;
        if (Number.isNaN(difference)) break;
      }
    }
    return {
      pass: error <= allowed,
      message: () =>
        `worst element ${worst} of [${expected.shape}]: ${actual.data[worst]} against ${expected.data[worst]}, ` +
        `difference ${error}, allowed ${allowed}`,
    };
  },
});
