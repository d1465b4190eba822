import { describe, expect, test } from "vitest";
import { cut } from "../../src/deepcache/cut.ts";
import { cachedDenoiser, loadCut } from "../../src/denoisers/cached.ts";
import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { add, conv, identity, multiply, sin } from "../../src/onnx/ops.ts";
import { halfPrecision } from "../../src/onnx/passes/half-precision.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { openNetwork } from "../denoisers/networks.ts";
import { HALF_CALL } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const types = (values: readonly (Value | undefined)[]): string[] => values.map((value) => value?.dtype ?? "none");
const nodesOf = (graph: Graph, op: string) => graph.nodes.filter((node) => node.op === op);

describe.each(["unet-sd15", "unet-sd21", "unet-sdxl", "unet-fp16", "unet-ddpm-cifar"])(
  "halfPrecision() of %s",
  async (name) => {
    const { network, sample, timestep, conditioning } = await openNetwork(name);
    const half = halfPrecision(network.graph);

    test("computes convolutions and matrix products in float16, norms, attention and angles in float32", () => {
      for (const op of ["Conv", "FusedMatMul"]) {
        for (const { inputs, outputs } of nodesOf(half, op))
          expect(types([...inputs, ...outputs])).not.toContain("F32");
        expect(nodesOf(half, op)).toHaveLength(nodesOf(network.graph, op).length);
      }
      for (const op of ["InstanceNormalization", "LayerNormalization", "MultiHeadAttention", "Sin", "Cos"]) {
        for (const { inputs, outputs } of nodesOf(half, op))
          expect(types([...inputs, ...outputs])).not.toContain("F16");
      }
    });

    test("has the same inputs and outputs, in float32", () => {
      expect([...half.inputs]).toEqual([...network.graph.inputs]);
      expect([...half.outputs]).toEqual([...network.graph.outputs]);
      expect(types([...half.inputs.values(), ...half.outputs.values()])).not.toContain("F16");
    });

    test("predicts the same but for rounding, in full and cached evaluations", async () => {
      const parts = cut(network, 1);
      const runtime = nodeRuntime();
      const halved: Runtime = { ...runtime, load: (graph, options) => runtime.load(halfPrecision(graph), options) };
      const predict = async (on: Runtime): Promise<Tensor[]> => {
        await using sessions = await loadCut(on, parts);
        using denoiser = cachedDenoiser(sessions, { isFull: (index) => index === 0 }, { conditioning, now: () => 0 });
        const first = await denoiser.predict(sample, timestep);
        return [first, await denoiser.predict(randomTensor(sample.shape, 1), timestep - 7)];
      };
      const [expected, actual] = [await predict(runtime), await predict(halved)];
      actual.forEach((prediction, i) => {
        expect(prediction, `evaluation ${i}`).toBeCloseTensor(expected[i]!, HALF_CALL);
        expect(prediction.data, "it is rounded").not.toEqual(expected[i]!.data);
      });
    });
  },
);

test("halfPrecision() takes float16 weights as the file has them", async () => {
  const { network } = await openNetwork("unet-fp16");
  const { nodes, initializers } = halfPrecision(network.graph);
  const weights = nodes.filter(({ op }) => op === "Conv").map(({ inputs }) => inputs[1]!);
  expect(weights.length).toBeGreaterThan(0);
  for (const weight of weights) expect(initializers.get(weight)?.kind, weight.hint).toBe("weight");
});

test("halfPrecision() leaves alone what no convolution or matrix product is part of", () => {
  const builder = graphBuilder("angles");
  const x = builder.input("x", "F32", [4]);
  const graph = builder.finish({ y: sin(multiply(x, x)), z: add(x, x) });
  expect(halfPrecision(graph)).toEqual(graph);
});

test("halfPrecision() gives a value that is read in both precisions to both", async () => {
  const builder = graphBuilder("both");
  const x = builder.input("x", "F32", [1, 1, 2, 2]);
  const h = conv(x, builder.constant(Float32Array.of(2), [1, 1, 1, 1]), undefined);
  const graph = halfPrecision(builder.finish({ h, angle: sin(h), sum: identity(add(h, h)) }));
  expect(graph.nodes.filter(({ op }) => op === "Cast")).toHaveLength(4);
  const { sum } = await runGraph(graph, { x: { data: Float32Array.of(1, 2, 3, 4), shape: [1, 1, 2, 2] } });
  expect(sum?.data).toEqual(Float32Array.of(4, 8, 12, 16));
});
