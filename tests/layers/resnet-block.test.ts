import { describe, expect, test } from "vitest";
import { downsample, type ResnetConfig, resnetBlock, upsample } from "../../src/layers/resnet-block.ts";
import { upsampleInPhases } from "../../src/layers/upsample-in-phases.ts";
import { resizeNearest } from "../../src/onnx/ops.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  naiveAdd,
  naiveConv2d,
  naiveGroupNorm,
  naiveLinear,
  naiveMap,
  naiveResize,
  naiveSilu,
} from "../support/assertions/naive.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor, randomTensors } from "../support/random-tensor.ts";
import { runLayer } from "./run-layer.ts";

describe("resizeNearest()", () => {
  test("repeats every pixel twice", async () => {
    const x = randomTensor([2, 3, 4, 5], 1);
    const y = await runLayer({}, { x }, (_, { x }) => resizeNearest(x!, 8, 10));
    expect(y).toEqual(naiveResize(x, 8, 10));
  });

  test("takes pixel floor(i · from / to), as torch does", async () => {
    for (let to = 1; to <= 33; to += 2) {
      const from = Math.ceil(to / 2); // what an odd size leaves on the way down
      const x = randomTensor([1, 1, from, 3], to);
      const y = await runLayer({}, { x }, (_, { x }) => resizeNearest(x!, to, 5));
      expect(y, `${from} to ${to}`).toEqual(naiveResize(x, to, 5));
    }
  });
});

describe("resnetBlock()", () => {
  const x = randomTensor([2, 4, 3, 5], 1);
  const time = randomTensor([1, 7], 2);
  const block = (channels: number, timeWidth: number) =>
    randomTensors<string>({
      "norm1.weight": [4],
      "norm1.bias": [4],
      "conv1.weight": [channels, 4, 3, 3],
      "conv1.bias": [channels],
      ...(timeWidth === 0 ? {} : { "time_emb_proj.weight": [timeWidth, 7], "time_emb_proj.bias": [timeWidth] }),
      "norm2.weight": [channels],
      "norm2.bias": [channels],
      "conv2.weight": [channels, channels, 3, 3],
      "conv2.bias": [channels],
      ...(channels === 4 ? {} : { "conv_shortcut.weight": [channels, 4, 1, 1], "conv_shortcut.bias": [channels] }),
    });

  /** `change` is what happens to the hidden image around the second norm. */
  function reference(
    weights: Record<string, Tensor>,
    change: (h: Tensor, norm: (h: Tensor) => Tensor) => Tensor,
  ): Tensor {
    const pads = [1, 1, 1, 1] as const;
    const conv = (name: string, h: Tensor): Tensor =>
      naiveConv2d(h, weights[`${name}.weight`]!, weights[`${name}.bias`], { pads });
    const norm = (name: string, h: Tensor): Tensor =>
      naiveGroupNorm(h, weights[`${name}.weight`]!, weights[`${name}.bias`]!, 2, 1e-5);
    const h = change(conv("conv1", naiveSilu(norm("norm1", x))), (value) => norm("norm2", value));
    const shortcut = weights["conv_shortcut.weight"];
    const residual = shortcut === undefined ? x : naiveConv2d(x, shortcut, weights["conv_shortcut.bias"]);
    return naiveAdd(residual, conv("conv2", naiveSilu(h)));
  }

  const run = (weights: Record<string, Tensor>, config: Omit<ResnetConfig, "groups" | "epsilon">, timed = true) =>
    runLayer(weights, timed ? { x, time } : { x }, (scope, values) =>
      resnetBlock(scope, values["x"]!, { groups: 2, epsilon: 1e-5, time: values["time"], ...config }),
    );

  /** What the time embedding says to channel c of every image. */
  const projected = (weights: Record<string, Tensor>) => {
    const { data } = naiveLinear(time, weights["time_emb_proj.weight"]!, weights["time_emb_proj.bias"]);
    return (i: number, channels: number, offset = 0): number => data[offset + (Math.floor(i / 15) % channels)]!;
  };

  test.each([4, 6])("adds the time before the second norm, 4 channels to %i", async (channels) => {
    const weights = block(channels, channels);
    const add = projected(weights);
    const expected = reference(weights, (h, norm) => norm(naiveMap(h, (v, i) => v + add(i, channels))));
    expect(await run(weights, { channels })).toBeCloseTensor(expected, F32_LAYER);
  });

  test("scales and shifts by the time after the second norm", async () => {
    const weights = block(6, 12);
    const told = projected(weights);
    const expected = reference(weights, (h, norm) => naiveMap(norm(h), (v, i) => v * (1 + told(i, 6)) + told(i, 6, 6)));
    expect(await run(weights, { channels: 6, timeNorm: "scale_shift" })).toBeCloseTensor(expected, F32_LAYER);
  });

  test("does without time, and divides by the output scale", async () => {
    const weights = block(4, 0);
    const expected = naiveMap(
      reference(weights, (h, norm) => norm(h)),
      (v) => v / 4,
    );
    expect(await run(weights, { channels: 4, outputScale: 4 }, false)).toBeCloseTensor(expected, F32_LAYER);
  });
});

describe("downsample() and upsample()", () => {
  const x = randomTensor([1, 3, 5, 4], 1);
  const weights = randomTensors({ "conv.weight": [3, 3, 3, 3], "conv.bias": [3] });
  const convolved = (input: Tensor, options: Parameters<typeof naiveConv2d>[3]): Tensor =>
    naiveConv2d(input, weights["conv.weight"], weights["conv.bias"], options);

  test.each([
    [0, [0, 0, 1, 1]],
    [1, [1, 1, 1, 1]],
  ] as const)("downsample() halves with padding %i", async (padding, pads) => {
    const y = await runLayer(weights, { x }, (scope, { x }) => downsample(scope, x!, padding));
    expect(y).toBeCloseTensor(convolved(x, { stride: 2, pads }), F32_LAYER);
  });

  test.each([
    { height: 10, width: 8 },
    { height: 9, width: 7 },
  ])("upsample() enlarges to $width x $height", async ({ height, width }) => {
    const y = await runLayer(weights, { x }, (scope, { x }) => upsample(scope, x!, [height, width]));
    expect(y).toBeCloseTensor(convolved(naiveResize(x, height, width), { pads: [1, 1, 1, 1] }), F32_LAYER);
  });

  test("upsampleInPhases() is upsample() to twice the size", async () => {
    const y = await runLayer(weights, { x }, (scope, { x }) => upsampleInPhases(scope, x!));
    expect(y).toBeCloseTensor(convolved(naiveResize(x, 10, 8), { pads: [1, 1, 1, 1] }), F32_LAYER);
  });
});
