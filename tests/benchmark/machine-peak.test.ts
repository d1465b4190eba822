import { expect, test } from "vitest";
import { machinePeak } from "../../src/benchmark/machine-peak.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";

test("the machine's peak is the best of several runs, two operations for each multiply-add", async () => {
  // A runtime whose runs take 3, 4, 2 and 5 ms, the first of which warms up.
  let clock = 0;
  const takes = [3, 4, 2, 5, 3, 4, 2, 5, 3, 4, 2, 5];
  const runtime: Runtime = {
    device: "clock",
    copies: false,
    load: async () => ({
      run: async () => {
        clock += takes.shift() ?? 0;
        return {};
      },
      async [Symbol.asyncDispose]() {},
    }),
  };
  const sizes = { matrix: 100, channels: 10, size: 20, keys: 50, repeat: 3 };
  const { gemmGflops, convGflops, softmaxGexps } = await machinePeak(runtime, { now: () => clock, ...sizes });
  expect(gemmGflops).toBeCloseTo((2 * 100 ** 3) / 2e6);
  expect(convGflops).toBeCloseTo((2 * 20 * 20 * 10 * 10 * 9) / 2e6);
  expect(softmaxGexps).toBeCloseTo((32 * 128 * 50) / 2e6);
});

test("the operations run on ONNX Runtime", async () => {
  const sizes = { matrix: 64, channels: 8, size: 8, keys: 8, repeat: 2 };
  const { gemmGflops, convGflops, softmaxGexps } = await machinePeak(nodeRuntime(), {
    now: () => performance.now(),
    ...sizes,
  });
  expect(gemmGflops).toBeGreaterThan(0);
  expect(convGflops).toBeGreaterThan(0);
  expect(softmaxGexps).toBeGreaterThan(0);
});

test("operations are narrowed where that is asked for, as in networks", async () => {
  // Without leave, a runtime in int8 computes in float32.
  const allowed: (boolean | undefined)[] = [];
  const runtime: Runtime = {
    ...nodeRuntime(),
    load(graph, options) {
      allowed.push(options?.allowHalf);
      return nodeRuntime({ precision: "int8" }).load(graph, options);
    },
  };
  const sizes = { matrix: 64, channels: 32, size: 8, keys: 8, repeat: 1 };
  await machinePeak(runtime, { now: () => performance.now(), ...sizes });
  await machinePeak(runtime, { now: () => performance.now(), ...sizes, narrow: true });
  expect(allowed).toEqual([false, false, false, true, true, true]);
});
