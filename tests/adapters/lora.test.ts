import { describe, expect, test } from "vitest";
import { withChanges } from "../../src/adapters/lora/lora.ts";
import { openLora } from "../../src/adapters/lora/open-lora.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { joinPieces } from "../../src/checkpoint/bytes/join-pieces.ts";
import { memoryFiles } from "../../src/checkpoint/files/memory.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { checkpointScope } from "../../src/layers/scope.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { countMacs } from "../../src/onnx/macs.ts";
import { identity, matmulTransposed } from "../../src/onnx/ops.ts";
import { halfPrecision } from "../../src/onnx/passes/half-precision.ts";
import { elementCount, type Tensor } from "../../src/tensor/tensor.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const TO_Q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q";
const TO_K = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k";
const CONV = "down_blocks.1.resnets.0.conv1";
const SHAPES: Readonly<Record<string, readonly number[]>> = { [TO_Q]: [6, 8], [TO_K]: [6, 10], [CONV]: [4, 6, 3, 3] };
const stored = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape], i) => [`${name}.weight`, randomTensor(shape, i)]),
);

type Tensors = Readonly<Record<string, Tensor>>;

async function fileOf(tensors: Tensors, metadata: Readonly<Record<string, string>> = {}, name = "style.safetensors") {
  return memorySource(await joinPieces(encodeSafetensors(tensors, metadata)), name);
}
const { weights } = await readCheckpoint(await fileOf(stored));
const target = {
  name: "tiny",
  layers: [2, 2],
  weights: { unet: weights, text: undefined, secondText: undefined },
};

const scalar = (value: number): Tensor => ({ data: Float32Array.of(value), shape: [] });
const tensor = (shape: readonly number[], seed: number): Tensor => randomTensor(shape, 50 + seed);
const open = async (tensors: Tensors, metadata?: Readonly<Record<string, string>>) =>
  await openLora(await fileOf(tensors, metadata), target);

/** What `module` is once the file's changes are made, read whole or in two halves of its rows. */
async function changed(tensors: Tensors, module: string, strength = 1, halves = false): Promise<Tensor> {
  const lora = await open(tensors);
  const changedWeights = withChanges(
    weights,
    [{ lora, strengths: { unet: strength, text: 1, secondText: 1 } }],
    "unet",
  );
  const builder = graphBuilder("changed");
  const { root } = checkpointScope(builder, changedWeights);
  const shape = SHAPES[module] ?? [];
  if (!halves) {
    const value = identity(root.at(module).weight("weight", shape));
    return (await runGraph(builder.finish({ value }), {}))["value"]!;
  }
  const [rows = 0, ...others] = shape;
  const half = (start: number) => identity(root.at(module).rows("weight", [rows / 2, ...others], start, rows));
  const { a, b } = (await runGraph(builder.finish({ a: half(0), b: half(rows / 2) }), {})) as Record<"a" | "b", Tensor>;
  return { data: Float32Array.of(...a.data, ...b.data), shape };
}

/** The weight with what `difference` gives for an output, an input and a position of the kernel. */
function expected(module: string, difference: (o: number, i: number, k: number) => number): Tensor {
  const { data, shape } = stored[`${module}.weight`]!;
  const [, inputs = 1, ...kernel] = shape;
  const positions = elementCount(kernel);
  const at = (index: number): readonly [number, number, number] => [
    Math.floor(index / (inputs * positions)),
    Math.floor(index / positions) % inputs,
    index % positions,
  ];
  return { data: data.map((value, index) => value + difference(...at(index))), shape };
}

const sum = (count: number, term: (index: number) => number): number =>
  Array.from({ length: count }, (_, index) => term(index)).reduce((total, value) => total + value, 0);

/** Element of a tensor of any shape by its place. */
const element = ({ data, shape }: Tensor, ...place: readonly number[]): number =>
  data[place.reduce((offset, index, axis) => offset * (shape[axis] ?? 1) + index, 0)] ?? Number.NaN;

describe("a change of a weight", () => {
  const flat = (module: string): string => `lora_unet_${module.replaceAll(".", "_")}`;

  test("is a product of thin matrices, times strength and alpha over rank", async () => {
    const [down, up] = [tensor([2, 8], 1), tensor([6, 2], 2)];
    const name = flat(TO_Q);
    const file = { [`${name}.lora_down.weight`]: down, [`${name}.lora_up.weight`]: up, [`${name}.alpha`]: scalar(3) };
    const value = expected(TO_Q, (o, i) => -0.5 * 1.5 * sum(2, (r) => element(up, o, r) * element(down, r, i)));
    expect(await changed(file, TO_Q, -0.5)).toBeCloseTensor(value, F32_LAYER);
    expect(await changed(file, TO_Q, -0.5, true)).toBeCloseTensor(value, F32_LAYER);
  });

  test("has a core where the kernel is a factor of its own (Tucker)", async () => {
    const [down, up, mid] = [tensor([2, 6, 1, 1], 1), tensor([4, 2, 1, 1], 2), tensor([2, 2, 3, 3], 3)];
    const name = flat(CONV);
    const file = {
      ...{ [`${name}.lora_down.weight`]: down, [`${name}.lora_up.weight`]: up, [`${name}.lora_mid.weight`]: mid },
    };
    const value = expected(CONV, (o, i, k) =>
      sum(4, (rs) => {
        const [r, s] = [rs >> 1, rs & 1];
        return element(up, o, r) * (mid.data[(2 * r + s) * 9 + k] ?? 0) * element(down, s, i);
      }),
    );
    expect(await changed(file, CONV)).toBeCloseTensor(value, F32_LAYER);
    expect(await changed(file, CONV, 1, true)).toBeCloseTensor(value, F32_LAYER);
  });

  test("is LyCORIS' product of products, with cores or without (LoHa)", async () => {
    const name = flat(CONV);
    const [aUp, aDown, aCore] = [tensor([2, 4], 1), tensor([2, 6], 2), tensor([2, 2, 3, 3], 3)];
    const [bUp, bDown, bCore] = [tensor([2, 4], 4), tensor([2, 6], 5), tensor([2, 2, 3, 3], 6)];
    const file = {
      ...{ [`${name}.hada_w1_a`]: aUp, [`${name}.hada_w1_b`]: aDown, [`${name}.hada_t1`]: aCore },
      ...{ [`${name}.hada_w2_a`]: bUp, [`${name}.hada_w2_b`]: bDown, [`${name}.hada_t2`]: bCore },
      [`${name}.alpha`]: scalar(1),
    };
    const rebuilt = (core: Tensor, up: Tensor, down: Tensor) => (o: number, i: number, k: number) =>
      sum(4, (rs) => (core.data[rs * 9 + k] ?? 0) * element(up, rs >> 1, o) * element(down, rs & 1, i));
    const [a, b] = [rebuilt(aCore, aUp, aDown), rebuilt(bCore, bUp, bDown)];
    const value = expected(CONV, (o, i, k) => 0.5 * a(o, i, k) * b(o, i, k));
    expect(await changed(file, CONV)).toBeCloseTensor(value, F32_LAYER);
    expect(await changed(file, CONV, 1, true)).toBeCloseTensor(value, F32_LAYER);
  });

  test("is LyCORIS' Kronecker product, where alpha counts for a factor that is a product (LoKr)", async () => {
    const name = flat(TO_Q);
    const [first, up, down] = [tensor([2, 4], 1), tensor([3, 2], 2), tensor([2, 2], 3)];
    const file = {
      ...{ [`${name}.lokr_w1`]: first, [`${name}.lokr_w2_a`]: up, [`${name}.lokr_w2_b`]: down },
      [`${name}.alpha`]: scalar(3),
    };
    const second = (o: number, i: number): number => sum(2, (r) => element(up, o, r) * element(down, r, i));
    const value = expected(
      TO_Q,
      (o, i) => 1.5 * element(first, Math.floor(o / 3), Math.floor(i / 2)) * second(o % 3, i % 2),
    );
    expect(await changed(file, TO_Q)).toBeCloseTensor(value, F32_LAYER);
    expect(await changed(file, TO_Q, 1, true)).toBeCloseTensor(value, F32_LAYER);
    const whole = { [`${name}.lokr_w1`]: first, [`${name}.lokr_w2`]: tensor([3, 2], 4), [`${name}.alpha`]: scalar(3) };
    const plain = expected(
      TO_Q,
      (o, i) => element(first, Math.floor(o / 3), Math.floor(i / 2)) * element(tensor([3, 2], 4), o % 3, i % 2),
    );
    expect(await changed(whole, TO_Q)).toBeCloseTensor(plain, F32_LAYER);
  });

  test.each([
    ["outputs", [6, 1], "dora_scale"],
    ["outputs", [6], "lora_magnitude_vector"],
    ["inputs", [1, 8], "dora_scale"],
  ] as const)("has given lengths by %s, %o (DoRA)", async (axis, shape, ending) => {
    const [down, up, magnitude] = [tensor([2, 8], 1), tensor([6, 2], 2), tensor(shape, 3)];
    const name = flat(TO_Q);
    const file = {
      ...{ [`${name}.lora_down.weight`]: down, [`${name}.lora_up.weight`]: up, [`${name}.${ending}`]: magnitude },
    };
    const turned = expected(TO_Q, (o, i) => sum(2, (r) => element(up, o, r) * element(down, r, i)));
    const length = (place: number): number =>
      Math.sqrt(
        axis === "outputs"
          ? sum(8, (i) => element(turned, place, i) ** 2)
          : sum(6, (o) => element(turned, o, place) ** 2),
      );
    const base = stored[`${TO_Q}.weight`]!;
    const value = expected(TO_Q, (o, i) => {
      const place = axis === "outputs" ? o : i;
      return 0.7 * (((magnitude.data[place] ?? 0) * element(turned, o, i)) / length(place) - element(base, o, i));
    });
    expect(await changed(file, TO_Q, 0.7)).toBeCloseTensor(value, F32_LAYER);
    expect(await changed(file, TO_Q, 0.7, true)).toBeCloseTensor(value, F32_LAYER);
  });

  test("is no operation of an evaluation, and is not rounded before it is made", async () => {
    const name = flat(TO_Q);
    const lora = await open({
      [`${name}.lora_down.weight`]: tensor([2, 8], 1),
      [`${name}.lora_up.weight`]: tensor([6, 2], 2),
    });
    const graphOf = (own: typeof weights) => {
      const builder = graphBuilder("linear");
      const x = builder.input("x", "F32", [5, 8]);
      const { root } = checkpointScope(builder, own);
      return builder.finish({ y: matmulTransposed(x, root.at(TO_Q).weight("weight", [6, 8])) });
    };
    const strengths = { unet: 1, text: 1, secondText: 1 };
    const graph = graphOf(withChanges(weights, [{ lora, strengths }], "unet"));
    expect(countMacs(graph)).toEqual(countMacs(graphOf(weights)));
    const half = halfPrecision(graph).nodes.find(({ op }) => op === "Gemm");
    expect(half?.outputs.map(({ dtype }) => dtype)).toEqual(["F32"]);
  });
});

describe("a module of a LoRA is found", () => {
  const thin = (down: string, up: string): Tensors => ({ [down]: tensor([2, 8], 1), [up]: tensor([6, 2], 2) });
  test.each([
    ["kohya's", `lora_unet_${TO_Q.replaceAll(".", "_")}`, "lora_down.weight", "lora_up.weight"],
    [
      "kohya's, original blocks",
      "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
      "lora_down.weight",
      "lora_up.weight",
    ],
    [
      "the original",
      "diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q",
      "lora_down.weight",
      "lora_up.weight",
    ],
    ["peft's", `base_model.model.${TO_Q}`, "lora_A.weight", "lora_B.weight"],
    ["peft's, of an adapter", `unet.${TO_Q}`, "lora_A.default_0.weight", "lora_B.default_0.weight"],
    ["diffusers'", `unet.${TO_Q}`, "lora.down.weight", "lora.up.weight"],
    ["diffusers' without the network", TO_Q.replace("to_q", "processor.to_q"), "_lora.down.weight", "_lora.up.weight"],
  ])("by %s name", async (_, module, down, up) => {
    const join = (ending: string): string => `${module}${ending.startsWith("_") ? "" : "."}${ending}`;
    const { changes, unmatched } = await open(thin(join(down), join(up)));
    expect([[...changes.unet.keys()], unmatched]).toEqual([[`${TO_Q}.weight`], []]);
  });

  test("by original names of convolutions, too", async () => {
    const name = "lora_unet_input_blocks_4_0_in_layers_2";
    const file = {
      [`${name}.lora_down.weight`]: tensor([2, 6, 3, 3], 1),
      [`${name}.lora_up.weight`]: tensor([4, 2, 1, 1], 2),
    };
    expect([...(await open(file)).changes.unet.keys()]).toEqual([`${CONV}.weight`]);
  });

  test.each([
    [{ "x.alpha": { data: Float32Array.of(), shape: [0] } }, "its alpha is [0], one number is required"],
    [{ "x.alpha": { data: Float32Array.of(1, 2), shape: [2] } }, "its alpha is [2], one number is required"],
    [{ "x.alpha": scalar(Number.POSITIVE_INFINITY) }, "its alpha is Infinity, a number is required"],
  ] as const)("is refused with an alpha that is no number: %j", async (alpha, message) => {
    const file = {
      ...{ [`${TO_Q}.lora_down.weight`]: tensor([2, 8], 0), [`${TO_Q}.lora_up.weight`]: tensor([6, 2], 1) },
      [`${TO_Q}.alpha`]: alpha["x.alpha"],
    };
    await expect(open(file)).rejects.toThrow(message);
  });

  test("is refused with settings whose alpha is no number", async () => {
    const file = {
      [`unet.${TO_Q}.lora_A.weight`]: tensor([2, 8], 0),
      [`unet.${TO_Q}.lora_B.weight`]: tensor([6, 2], 1),
    };
    const settings = { lora_adapter_metadata: JSON.stringify({ "unet.lora_alpha": "many" }) };
    await expect(open(file, settings)).rejects.toThrow("its alpha is set to something else, a number is required");
  });

  test("is refused where a module has a tensor twice, or a weight is changed by two modules", async () => {
    const [down, up] = [tensor([2, 8], 0), tensor([6, 2], 1)];
    const kohya = { [`${TO_Q}.lora_down.weight`]: down, [`${TO_Q}.lora_up.weight`]: up };
    await expect(open({ ...kohya, [`${TO_Q}.lora_B.weight`]: up })).rejects.toThrow(
      /to_q\.lora_(B|up)\.weight" is there under another name, too$/,
    );
    const flat = `lora_unet_${TO_Q.replaceAll(".", "_")}`;
    const both = { ...kohya, [`${flat}.lora_down.weight`]: down, [`${flat}.lora_up.weight`]: up };
    await expect(open(both)).rejects.toThrow(`two of its modules change "${TO_Q}.weight"`);
  });

  test("with peft's alpha, beside the tensors or in a file of its own", async () => {
    const tensors = thin(`unet.${TO_Q}.lora_A.weight`, `unet.${TO_Q}.lora_B.weight`);
    const settings = { "unet.lora_alpha": 4, "unet.r": 2, "unet.alpha_pattern": {} };
    const beside = await open(tensors, { lora_adapter_metadata: JSON.stringify(settings) });
    expect([...beside.changes.unet.values()].map(({ scale }) => scale)).toEqual([2]);
    const folder = memoryFiles({
      "adapter_model.safetensors": await joinPieces(
        encodeSafetensors(thin(`${TO_Q}.lora_A.weight`, `${TO_Q}.lora_B.weight`)),
      ),
      "adapter_config.json": JSON.stringify({ lora_alpha: 8, r: 2, use_rslora: true }),
    });
    const { changes } = await openLora(folder, target);
    expect([...changes.unet.values()].map(({ scale }) => scale)).toEqual([8 / Math.sqrt(2)]);
  });
});

describe("a LoRA is refused", () => {
  const name = `lora_unet_${TO_K.replaceAll(".", "_")}`;
  const begin = 'Cannot apply the LoRA "style.safetensors" to "tiny": ';
  test.each<[string, Tensors, string]>([
    [
      "without tensors of one",
      { "conv.weight": tensor([2], 1) },
      'it has no tensors of a LoRA, LoHa or LoKr but others, such as "conv.weight"',
    ],
    [
      "of which nothing fits",
      {
        "lora_unet_single_blocks_0.lora_down.weight": tensor([2, 8], 1),
        "lora_unet_single_blocks_0.lora_up.weight": tensor([8, 2], 2),
      },
      'nothing in the model answers to its modules, such as "lora_unet_single_blocks_0"',
    ],
    [
      "for prompts of another width",
      { [`${name}.lora_down.weight`]: tensor([2, 12], 1), [`${name}.lora_up.weight`]: tensor([6, 2], 2) },
      `its "${name}" changes a weight of 6×12, the model's "${TO_K}.weight" is 6×10: it is for prompts of width 12, the model's are 10 wide`,
    ],
    [
      "whose factors do not multiply",
      { [`${name}.lora_down.weight`]: tensor([3, 10], 1), [`${name}.lora_up.weight`]: tensor([6, 2], 2) },
      `"${name}" cannot be used, its up [6,2] and down [3,10] do not multiply`,
    ],
    [
      "of which a half is missing",
      { [`${name}.lora_down.weight`]: tensor([3, 10], 1) },
      `"${name}" cannot be used, it has no up`,
    ],
    [
      "with magnitudes of no axis",
      {
        ...{ [`${name}.lora_down.weight`]: tensor([2, 10], 1), [`${name}.lora_up.weight`]: tensor([6, 2], 2) },
        [`${name}.dora_scale`]: tensor([7, 1], 3),
      },
      `its "${name}" has 7 magnitudes, 6 or 10 are required`,
    ],
  ])("%s", async (_, tensors, message) => {
    await expect(open(tensors)).rejects.toThrow(begin + message);
  });

  test("not for modules that nothing answers to, which it names", async () => {
    const fits = `lora_unet_${TO_Q.replaceAll(".", "_")}`;
    const { unmatched } = await open({
      ...{ [`${fits}.lora_down.weight`]: tensor([2, 8], 1), [`${fits}.lora_up.weight`]: tensor([6, 2], 2) },
      ...{ "lora_te_nothing.lora_down.weight": tensor([2, 8], 1), "lora_te_nothing.lora_up.weight": tensor([6, 2], 2) },
      "emphasis.diff": tensor([6], 3),
    });
    expect(unmatched).toEqual(["emphasis.diff", "lora_te_nothing"]);
  });
});
