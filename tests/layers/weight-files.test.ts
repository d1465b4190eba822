import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { conv2d } from "../../src/layers/conv2d.ts";
import { linear } from "../../src/layers/linear.ts";
import { groupNorm } from "../../src/layers/norms.ts";
import type { Scope } from "../../src/layers/scope.ts";
import type { Value } from "../../src/onnx/graph.ts";
import { concat, transpose } from "../../src/onnx/ops.ts";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "../../src/tensor/half.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { concatenate, safetensorsBytes, temporaryFolder } from "../checkpoint/files.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor, randomTensors } from "../support/random-tensor.ts";
import { runWithWeights, type Tensors } from "./run-layer.ts";

const WEIGHTS = randomTensors({
  "norm.weight": [4],
  "norm.bias": [4],
  "conv.weight": [3, 4, 3, 3],
  "conv.bias": [3],
  "proj.weight": [6, 3],
  "proj.bias": [6],
});

/** Every way in which layers take weights: per channel, as a kernel, and by rows. */
function block(scope: Scope, { x }: Readonly<Record<string, Value>>): Value {
  const normal = groupNorm(scope.at("norm"), x as Value, { groups: 2, epsilon: 1e-5 });
  const h = transpose(conv2d(scope.at("conv"), normal, 3, { kernel: 3, padding: 1 }), [0, 2, 3, 1]);
  const part = (start: number): Value => linear(scope.at("proj"), h, 3, { rows: { start, of: 6 } });
  return concat([part(3), part(0)], 3);
}

const x = randomTensor([2, 4, 5, 3], 7);
const run = (weights: Weights): Promise<Tensor> => runWithWeights(weights, { x }, block);
const open = async (path: string): Promise<Weights> => (await readCheckpoint(await fileSource(path))).weights;

/** A safetensors file of 16-bit words, its data at an odd offset. */
function wordFile(dtype: "F16" | "BF16", tensors: Tensors, encode: (values: Float32Array) => Uint16Array): Uint8Array {
  let offset = 0;
  const words = Object.entries(tensors).map(([name, { data, shape }]) => {
    const encoded = encode(data);
    const entry = { dtype, shape, data_offsets: [offset, offset + encoded.byteLength] };
    offset += encoded.byteLength;
    return { name, entry, bytes: new Uint8Array(encoded.buffer) };
  });
  const json = JSON.stringify(Object.fromEntries(words.map(({ name, entry }) => [name, entry])));
  const header = safetensorsBytes(json.length % 2 === 0 ? `${json} ` : json);
  return concatenate([header, ...words.map(({ bytes }) => bytes)]);
}

const rounded = (round: (values: Float32Array) => Float32Array): Tensors =>
  Object.fromEntries(Object.entries(WEIGHTS).map(([name, { data, shape }]) => [name, { data: round(data), shape }]));

describe("weights of the same values give the same results", () => {
  test.each([
    { dtype: "F16", encode: float32ToFloat16, decode: float16ToFloat32 },
    { dtype: "BF16", encode: float32ToBfloat16, decode: bfloat16ToFloat32 },
  ] as const)("in $dtype and F32", async ({ dtype, encode, decode }) => {
    const values = rounded((data) => decode(encode(data)));
    const folder = temporaryFolder({ "words.safetensors": wordFile(dtype, values, encode) });
    await writeSafetensors(join(folder, "floats.safetensors"), values);
    const words = await open(join(folder, "words.safetensors"));
    expect([...words.values()].map((weight) => weight.dtype)).toEqual(Object.keys(WEIGHTS).map(() => dtype));
    expect([...words.values()].every(({ span }) => span.offset % 2 === 1)).toBe(true);
    const fromWords = await run(words);
    expect(fromWords).toBeCloseTensor(await run(await open(join(folder, "floats.safetensors"))), F32_LAYER);
  });

  test("in one file and in two shards", async () => {
    const names = Object.keys(WEIGHTS);
    const shards = [0, 1].map((i) => Object.fromEntries(Object.entries(WEIGHTS).filter((_, n) => n % 2 === i)));
    const fileOf = (i: number): string => `model-0000${i + 1}-of-00002.safetensors`;
    const index = { weight_map: Object.fromEntries(names.map((name, n) => [name, fileOf(n % 2)])) };
    const folder = temporaryFolder({ "config.json": "{}", "model.safetensors.index.json": JSON.stringify(index) });
    for (const [i, shard] of shards.entries()) await writeSafetensors(join(folder, fileOf(i)), shard);
    const { weights } = await openComponent(folder);
    expect(new Set([...weights.values()].map(({ span }) => span.source.path)).size).toBe(2);
    await writeSafetensors(join(folder, "all.safetensors"), WEIGHTS);
    expect(await run(weights)).toEqual(await run(await open(join(folder, "all.safetensors"))));
  });
});
