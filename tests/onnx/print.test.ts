import { expect, test } from "vitest";
import { embeddingMlp, sinusoid } from "../../src/layers/embeddings.ts";
import { resnetBlock } from "../../src/layers/resnet-block.ts";
import { checkpointScope } from "../../src/layers/scope.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { add, clip, resizeNearest } from "../../src/onnx/ops.ts";
import { printGraph } from "../../src/onnx/print.ts";

test("printGraph() writes a residual block one node a line", () => {
  const builder = graphBuilder("block");
  const { root } = checkpointScope(builder);
  const x = builder.input("x", "F32", [1, 4, 2, 2]);
  const time = builder.input("time", "F32", [1, 8]);
  const y = resnetBlock(root.at("resnets.0"), x, { channels: 8, groups: 2, epsilon: 1e-5, time });
  expect(printGraph(builder.finish({ y }))).toMatchInlineSnapshot(`
    "block(x: F32[1, 4, 2, 2], time: F32[1, 8]) {
      Reshape_0: F32[1, 2, 8] = Reshape(x, [1, 2, 8])
      InstanceNormalization_0: F32[1, 2, 8] = InstanceNormalization(Reshape_0, [1, 1], [0, 0], epsilon=0.00001)
      Reshape_1: F32[1, 4, 2, 2] = Reshape(InstanceNormalization_0, [1, 4, 2, 2])
      Mul_0: F32[1, 4, 2, 2] = Mul(Reshape_1, resnets.0.norm1.weight)
      Add_0: F32[1, 4, 2, 2] = Add(Mul_0, resnets.0.norm1.bias)
      QuickGelu_0: F32[1, 4, 2, 2] = QuickGelu(Add_0, alpha=1)
      Conv_0: F32[1, 8, 2, 2] = Conv(QuickGelu_0, resnets.0.conv1.weight, resnets.0.conv1.bias, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1], group=1)
      FusedMatMul_0: F32[1, 8] = FusedMatMul(time, resnets.0.time_emb_proj.weight, transA=0, transB=1, alpha=1)
      Add_1: F32[1, 8] = Add(FusedMatMul_0, resnets.0.time_emb_proj.bias)
      Reshape_2: F32[1, 8, 1, 1] = Reshape(Add_1, [1, 8, 1, 1])
      Add_2: F32[1, 8, 2, 2] = Add(Conv_0, Reshape_2)
      Reshape_3: F32[1, 2, 16] = Reshape(Add_2, [1, 2, 16])
      InstanceNormalization_1: F32[1, 2, 16] = InstanceNormalization(Reshape_3, [1, 1], [0, 0], epsilon=0.00001)
      Reshape_4: F32[1, 8, 2, 2] = Reshape(InstanceNormalization_1, [1, 8, 2, 2])
      Mul_1: F32[1, 8, 2, 2] = Mul(Reshape_4, resnets.0.norm2.weight)
      Add_3: F32[1, 8, 2, 2] = Add(Mul_1, resnets.0.norm2.bias)
      QuickGelu_1: F32[1, 8, 2, 2] = QuickGelu(Add_3, alpha=1)
      Conv_1: F32[1, 8, 2, 2] = Conv(QuickGelu_1, resnets.0.conv2.weight, resnets.0.conv2.bias, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1], group=1)
      Conv_2: F32[1, 8, 2, 2] = Conv(x, resnets.0.conv_shortcut.weight, resnets.0.conv_shortcut.bias, kernel_shape=[1, 1], strides=[1, 1], pads=[0, 0, 0, 0], dilations=[1, 1], group=1)
      y: F32[1, 8, 2, 2] = Add(Conv_2, Conv_1)
      return y
    }"
  `);
});

test("printGraph() writes a time embedding", () => {
  const builder = graphBuilder("time");
  const { root } = checkpointScope(builder);
  const timestep = builder.input("timestep", "F32", [1]);
  const waves = sinusoid(timestep, { width: 4, flipSinToCos: true, freqShift: 0 });
  const embedding = embeddingMlp(root.at("time_embedding"), waves, 16);
  expect(printGraph(builder.finish({ embedding }))).toMatchInlineSnapshot(`
    "time(timestep: F32[1]) {
      Reshape_0: F32[1, 1] = Reshape(timestep, [1, 1])
      Mul_0: F32[1, 2] = Mul(Reshape_0, [1, 0.009999999776482582])
      Sin_0: F32[1, 2] = Sin(Mul_0)
      Cos_0: F32[1, 2] = Cos(Mul_0)
      Concat_0: F32[1, 4] = Concat(Cos_0, Sin_0, axis=1)
      FusedMatMul_0: F32[1, 16] = FusedMatMul(Concat_0, time_embedding.linear_1.weight, transA=0, transB=1, alpha=1)
      Add_0: F32[1, 16] = Add(FusedMatMul_0, time_embedding.linear_1.bias)
      QuickGelu_0: F32[1, 16] = QuickGelu(Add_0, alpha=1)
      FusedMatMul_1: F32[1, 16] = FusedMatMul(QuickGelu_0, time_embedding.linear_2.weight, transA=0, transB=1, alpha=1)
      embedding: F32[1, 16] = Add(FusedMatMul_1, time_embedding.linear_2.bias)
      return embedding
    }"
  `);
});

test("printGraph() writes omitted inputs, attributes of every kind and outputs under other names", () => {
  const builder = graphBuilder("odd");
  const x = builder.input("x", "F32", [1, 1, 2, 2]);
  const three = builder.constant(Float32Array.of(3), []);
  const many = builder.constant(new Float32Array(16), [1, 1, 4, 4]);
  const y = clip(add(resizeNearest(x, 4, 4), many), -1, 1);
  const graph = builder.finish({ y, copy: y, same: x, three });
  expect(printGraph(graph)).toMatchInlineSnapshot(`
    "odd(x: F32[1, 1, 2, 2]) {
      Resize_0: F32[1, 1, 4, 4] = Resize(x, _, _, [1, 1, 4, 4], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
      Add_0: F32[1, 1, 4, 4] = Add(Resize_0, constant_1)
      y: F32[1, 1, 4, 4] = Clip(Add_0, -1, 1)
      return y, copy = y, same = x, three = 3
    }"
  `);
});
