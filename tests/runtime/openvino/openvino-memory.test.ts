import { expect, test } from "vitest";
import { describedModel } from "../../../src/benchmark/random-model.ts";
import { estimateMemory } from "../../../src/pipelines/estimate-memory.ts";
import type { Precision } from "../../../src/runtime/precision.ts";
import { MEMORY_ESTIMATE } from "../../support/assertions/tolerances.ts";

const sd15 = describedModel("stable-diffusion-v1-5", "fp16");
const estimate = (precision: Precision) =>
  estimateMemory(sd15, { branch: 0, precision, onOpenVino: true }).components.find(({ name }) => name === "U-Net");

// Measured with OpenVINO 2026.4.1 on Linux, x64: the most resident memory of a process that loads and runs a full evaluation.
test.each([
  ["float32", 10.13e9],
  ["bfloat16", 8.48e9],
] as const)("OpenVINO takes in %s what was measured", (precision, measured) => {
  const { peak = 0 } = estimate(precision) ?? {};
  expect(Math.abs(peak - measured) / measured).toBeLessThan(MEMORY_ESTIMATE);
});

test("what is not the network that denoises takes as much in every precision", () => {
  const [wide, narrow] = (["float32", "bfloat16"] as const).map((precision) =>
    estimateMemory(sd15, { branch: 0, precision, onOpenVino: true }).components.filter(({ name }) => name !== "U-Net"),
  );
  expect(narrow).toEqual(wide);
});
