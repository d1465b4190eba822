import { describe, expect, test } from "vitest";
import { ACTIVATIONS } from "../../src/layers/activations.ts";
import { attention, attentionBlock } from "../../src/layers/attention.ts";
import { conv2d } from "../../src/layers/conv2d.ts";
import { sinusoid } from "../../src/layers/embeddings.ts";
import { linear } from "../../src/layers/linear.ts";
import { groupNorm, layerNorm } from "../../src/layers/norms.ts";
import { checkpointScope } from "../../src/layers/scope.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { concat } from "../../src/onnx/ops.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  naiveAdd,
  naiveAttention,
  naiveConv2d,
  naiveGelu,
  naiveGroupNorm,
  naiveLayerNorm,
  naiveLinear,
  naiveMap,
  naiveQuickGelu,
  naiveReshape,
  naiveSilu,
  naiveSinusoid,
  naiveTranspose,
} from "../support/assertions/naive.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor, randomTensors } from "../support/random-tensor.ts";
import { runLayer } from "./run-layer.ts";

describe("conv2d()", () => {
  test.each([
    { kernel: 1, stride: 1, padding: 0 },
    { kernel: 3, stride: 1, padding: 1 },
    { kernel: 3, stride: 2, padding: 1 },
    { kernel: 3, stride: 1, padding: 0 },
    { kernel: 3, stride: 2, padding: [0, 0, 1, 1] },
    { kernel: 3, stride: 1, padding: [2, 0, 1, 3] },
    { kernel: 1, stride: 2, padding: [0, 1, 2, 0] },
  ] as const)(
    "convolves with kernel $kernel, stride $stride, padding $padding",
    async ({ kernel, stride, padding }) => {
      const x = randomTensor([2, 3, 7, 6], 1);
      const weights = randomTensors({ "conv.weight": [5, 3, kernel, kernel], "conv.bias": [5] });
      const y = await runLayer(weights, { x }, (scope, { x }) =>
        conv2d(scope.at("conv"), x!, 5, { kernel, stride, padding }),
      );
      const pads = typeof padding === "number" ? ([padding, padding, padding, padding] as const) : padding;
      expect(y).toBeCloseTensor(
        naiveConv2d(x, weights["conv.weight"], weights["conv.bias"], { stride, pads }),
        F32_LAYER,
      );
    },
  );

  test("convolves without a bias", async () => {
    const x = randomTensor([1, 4, 3, 3], 1);
    const weights = randomTensors({ weight: [2, 4, 1, 1] });
    const y = await runLayer(weights, { x }, (scope, { x }) => conv2d(scope, x!, 2, { bias: false }));
    expect(y).toBeCloseTensor(naiveConv2d(x, weights.weight), F32_LAYER);
  });
});

describe("linear()", () => {
  const weights = randomTensors({ "l.weight": [6, 5], "l.bias": [6] });

  test.each([[[4, 5]], [[2, 3, 5]], [[2, 1, 3, 5]]])("maps the last axis of %j", async (shape) => {
    const x = randomTensor(shape, 1);
    const y = await runLayer(weights, { x }, (scope, { x }) => linear(scope.at("l"), x!, 6));
    expect(y).toBeCloseTensor(naiveLinear(x, weights["l.weight"], weights["l.bias"]), F32_LAYER);
  });

  test("takes no bias where there is none", async () => {
    const x = randomTensor([4, 5], 1);
    const bare = { "l.weight": weights["l.weight"] };
    const y = await runLayer(bare, { x }, (scope, { x }) => linear(scope.at("l"), x!, 6, { bias: false }));
    expect(y).toBeCloseTensor(naiveLinear(x, weights["l.weight"]), F32_LAYER);
  });

  test("reads a 1×1 convolution as a linear layer", async () => {
    const x = randomTensor([4, 5], 1);
    const stored = { ...weights, "l.weight": naiveReshape(weights["l.weight"], [6, 5, 1, 1]) };
    const y = await runLayer(stored, { x }, (scope, { x }) => linear(scope.at("l"), x!, 6));
    expect(y).toBeCloseTensor(naiveLinear(x, weights["l.weight"], weights["l.bias"]), F32_LAYER);
  });

  test("puts slices of rows together to the whole", async () => {
    const x = randomTensor([2, 3, 5], 1);
    const y = await runLayer(weights, { x }, (scope, { x }) => {
      const part = (start: number, width: number) => linear(scope.at("l"), x!, width, { rows: { start, of: 6 } });
      return concat([part(0, 1), part(1, 3), part(4, 2)], 2);
    });
    expect(y).toBeCloseTensor(naiveLinear(x, weights["l.weight"], weights["l.bias"]), F32_LAYER);
  });
});

describe("norms", () => {
  test.each([
    { shape: [2, 6, 3, 4], groups: 3 },
    { shape: [1, 6, 2, 2], groups: 1 },
    { shape: [2, 6, 5, 1], groups: 6 },
    { shape: [2, 6, 7], groups: 2 },
  ])("groupNorm() normalises $shape in $groups groups", async ({ shape, groups }) => {
    const x = naiveMap(randomTensor(shape, 1), (v) => 3 * v + 5);
    const weights = randomTensors({ "n.weight": [6], "n.bias": [6] });
    const y = await runLayer(weights, { x }, (scope, { x }) => groupNorm(scope.at("n"), x!, { groups, epsilon: 1e-5 }));
    expect(y).toBeCloseTensor(naiveGroupNorm(x, weights["n.weight"], weights["n.bias"], groups, 1e-5), F32_LAYER);
  });

  test("groupNorm() uses the epsilon that it is given", async () => {
    const x = naiveMap(randomTensor([1, 4, 2, 2], 1), (v) => v / 100);
    const weights = randomTensors({ weight: [4], bias: [4] });
    const y = await runLayer(weights, { x }, (scope, { x }) => groupNorm(scope, x!, { groups: 2, epsilon: 1e-3 }));
    expect(y).toBeCloseTensor(naiveGroupNorm(x, weights.weight, weights.bias, 2, 1e-3), F32_LAYER);
  });

  test("groupNorm() names the layer whose channels do not divide", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [1, 6, 2, 2]);
    const scope = checkpointScope(builder).root.at("mid.norm");
    expect(() => groupNorm(scope, x, { groups: 4, epsilon: 1 })).toThrow(
      'Cannot normalise "mid.norm": 6 channels do not divide into 4 groups',
    );
  });

  test.each([undefined, 1e-2])("layerNorm() normalises the last axis with epsilon %s", async (epsilon) => {
    const x = naiveMap(randomTensor([2, 3, 8], 1), (v) => v / 10 - 4);
    const weights = randomTensors({ "n.weight": [8], "n.bias": [8] });
    const y = await runLayer(weights, { x }, (scope, { x }) => layerNorm(scope.at("n"), x!, epsilon));
    const expected = naiveLayerNorm(x, weights["n.weight"], weights["n.bias"], epsilon ?? 1e-5);
    expect(y).toBeCloseTensor(expected, F32_LAYER);
  });
});

describe("attention()", () => {
  const x = naiveMap(randomTensor([2, 5, 8], 1), (v) => 2 * v);
  const context = naiveMap(randomTensor([2, 3, 6], 2), (v) => 2 * v);

  const attended = (weights: Readonly<Record<string, Tensor>>, over: Tensor, heads: number): Tensor => {
    const layer = (name: string, input: Tensor): Tensor =>
      naiveLinear(input, weights[`${name}.weight`]!, weights[`${name}.bias`]);
    const mixed = naiveAttention(layer("to_q", x), layer("to_k", over), layer("to_v", over), heads);
    return layer("to_out.0", mixed);
  };

  test.each([1, 2, 8])("looks at itself with %i heads", async (heads) => {
    const square = [8, 8];
    const weights = randomTensors({
      "to_q.weight": square,
      "to_k.weight": square,
      "to_v.weight": square,
      "to_out.0.weight": square,
      "to_out.0.bias": [8],
    });
    const y = await runLayer(weights, { x }, (scope, { x }) => attention(scope, x!, x!, { heads }));
    expect(y).toBeCloseTensor(attended(weights, x, heads), F32_LAYER);
  });

  test("looks at a context of another length and width, with biases", async () => {
    const weights = randomTensors({
      "to_q.weight": [8, 8],
      "to_q.bias": [8],
      "to_k.weight": [8, 6],
      "to_k.bias": [8],
      "to_v.weight": [8, 6],
      "to_v.bias": [8],
      "to_out.0.weight": [8, 8],
      "to_out.0.bias": [8],
    });
    const y = await runLayer(weights, { x, context }, (scope, values) =>
      attention(scope, values["x"]!, values["context"]!, { heads: 4, bias: true }),
    );
    expect(y).toBeCloseTensor(attended(weights, context, 4), F32_LAYER);
  });

  test("names the layer whose width does not divide into heads", () => {
    const builder = graphBuilder("g");
    const tokens = builder.input("x", "F32", [1, 5, 8]);
    const scope = checkpointScope(builder).root.at("attn1");
    expect(() => attention(scope, tokens, tokens, { heads: 3 })).toThrow(
      'Cannot attend in "attn1": 8 channels do not divide into 3 heads',
    );
  });

  test("attentionBlock() attends over pixels around a residual", async () => {
    const image = randomTensor([2, 8, 2, 3], 3);
    const square = { weight: [8, 8], bias: [8] };
    const names = ["to_q", "to_k", "to_v", "to_out.0"];
    const shapes = Object.fromEntries(
      names.flatMap((name) => Object.entries(square).map(([part, shape]) => [`${name}.${part}`, shape])),
    );
    const weights = randomTensors<string>({ "group_norm.weight": [8], "group_norm.bias": [8], ...shapes });
    const y = await runLayer(weights, { image }, (scope, { image }) =>
      attentionBlock(scope, image!, { heads: 2, groups: 4, epsilon: 1e-6, outputScale: 2 }),
    );
    const normal = naiveGroupNorm(image, weights["group_norm.weight"]!, weights["group_norm.bias"]!, 4, 1e-6);
    const tokens = naiveTranspose(naiveReshape(normal, [2, 8, 6]), [0, 2, 1]);
    const layer = (name: string, input: Tensor): Tensor =>
      naiveLinear(input, weights[`${name}.weight`]!, weights[`${name}.bias`]);
    const mixed = naiveAttention(layer("to_q", tokens), layer("to_k", tokens), layer("to_v", tokens), 2);
    const back = naiveReshape(naiveTranspose(layer("to_out.0", mixed), [0, 2, 1]), image.shape);
    expect(y).toBeCloseTensor(
      naiveMap(naiveAdd(back, image), (v) => v / 2),
      F32_LAYER,
    );
  });
});

test.each([
  ["silu", naiveSilu],
  ["swish", naiveSilu],
  ["gelu", naiveGelu],
  ["quick_gelu", naiveQuickGelu],
  ["relu", (x: Tensor) => naiveMap(x, (v) => Math.max(v, 0))],
] as const)("%s is what its formula says", async (name, reference) => {
  const x = { data: Float32Array.from({ length: 81 }, (_, i) => (i - 40) / 10), shape: [81] };
  const y = await runLayer({}, { x }, (_, { x }) => ACTIVATIONS[name](x!));
  expect(y).toBeCloseTensor(reference(x), F32_LAYER);
});

describe("sinusoid()", () => {
  test.each([
    { flipSinToCos: true, freqShift: 0 },
    { flipSinToCos: false, freqShift: 1 },
  ])("embeds positions with $flipSinToCos and $freqShift", async ({ flipSinToCos, freqShift }) => {
    const t = { data: Float32Array.of(0, 1, 0.5, 42), shape: [4] };
    const y = await runLayer({}, { t }, (_, { t }) => sinusoid(t!, { width: 10, flipSinToCos, freqShift }));
    expect(y).toBeCloseTensor(naiveSinusoid(t, 10, flipSinToCos, freqShift), F32_LAYER);
  });

  test("refuses an odd width", () => {
    const t = graphBuilder("g").input("t", "F32", [1]);
    expect(() => sinusoid(t, { width: 5, flipSinToCos: true, freqShift: 0 })).toThrow(
      "Cannot embed a position in 5 numbers: an even count is required",
    );
  });
});
