import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import {
  type AutoencoderKlConfig,
  autoencoderDecoder,
  autoencoderEncoder,
  autoencoderKlConfig,
  sampleLatent,
} from "../../src/models/autoencoder/autoencoder-kl.ts";
import { reduction } from "../../src/models/autoencoder/image-coder.ts";
import { withCurrentNames } from "../../src/models/key-names.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { coderShape, labels, weightNames } from "./graphs.ts";

describe.each(["vae-kl", "vae-kl-sdxl"])("%s", (name) => {
  const io = readFixture(`models/${name}/io.safetensors`);
  const open = () => openComponent(fixturePath(`models/${name}`));

  test.each(labels(io))("%s decodes as the reference does", async (label) => {
    const { config, weights } = await open();
    const latent = io.tensor(`${label}latent`);
    const graph = autoencoderDecoder(autoencoderKlConfig(config), coderShape(latent), weights);
    const { image } = await runGraph(graph, { latent });
    expect(image).toBeCloseTensor(io.tensor(`${label}decode`), NETWORK_CALL);
  });

  test.each(labels(io))("%s encodes as the reference does", async (label) => {
    const { config, weights } = await open();
    const image = io.tensor(`${label}image`);
    const graph = autoencoderEncoder(autoencoderKlConfig(config), coderShape(image), weights);
    const { mean, logvar } = await runGraph(graph, { image });
    expect(mean).toBeCloseTensor(io.tensor(`${label}encode.mean`), NETWORK_CALL);
    expect(logvar).toBeCloseTensor(io.tensor(`${label}encode.logvar`), NETWORK_CALL);
    const sample = sampleLatent(mean!, logvar!, io.tensor(`${label}encode.noise`));
    expect(sample).toBeCloseTensor(io.tensor(`${label}encode.sample`), NETWORK_CALL);
  });

  test("uses every weight exactly once over both halves", async () => {
    const { config, weights } = await open();
    const shape = { batch: 1, height: 8, width: 8 };
    const settings = autoencoderKlConfig(config);
    const halves = [autoencoderEncoder(settings, shape, weights), autoencoderDecoder(settings, shape, weights)];
    expect(halves.flatMap(weightNames).sort()).toEqual([...withCurrentNames(weights).keys()].sort());
  });
});

test("the logarithm of the variance is clamped to [-30, 20]", () => {
  const graph = autoencoderEncoder(autoencoderKlConfig({}), { batch: 1, height: 8, width: 8 });
  const [, ...bounds] = graph.nodes.find(({ outputs }) => outputs.includes(graph.outputs.get("logvar")!))?.inputs ?? [];
  const data = bounds.map((bound) => graph.initializers.get(bound!));
  expect(data).toMatchObject([{ data: Float32Array.of(-30) }, { data: Float32Array.of(20) }]);
});

test("sampleLatent() refuses noise of another size", () => {
  const vector = (size: number): Tensor => ({ data: new Float32Array(size), shape: [size] });
  expect(() => sampleLatent(vector(1), vector(1), vector(2))).toThrow("Cannot draw a latent [1] from [1] by noise [2]");
});

describe("autoencoderKlConfig()", () => {
  const names = (count: number, name: string) => Array.from({ length: count }, () => name);
  const small = {
    _class_name: "AutoencoderKL",
    block_out_channels: [16, 32, 64],
    down_block_types: names(3, "DownEncoderBlock2D"),
    up_block_types: names(3, "UpDecoderBlock2D"),
    layers_per_block: 1,
    mid_block_add_attention: false,
    norm_num_groups: 8,
    shift_factor: null,
  };

  test("reads a small autoencoder without attention", () => {
    const config = autoencoderKlConfig(small);
    expect(config).toMatchObject({ midAttention: false, layers: 1, scalingFactor: 0.18215, statistics: undefined });
    expect(reduction(config)).toBe(4);
    const graph = autoencoderDecoder(config, { batch: 2, height: 5, width: 7 });
    expect(imageOf(graph)).toEqual([2, 3, 20, 28]);
    expect(graph.nodes.some(({ op }) => op === "MultiHeadAttention")).toBe(false);
    expect(weightNames(graph).filter((name) => name.startsWith("decoder.mid_block"))).toHaveLength(16);
    expect(weightNames(graph).filter((name) => name.startsWith("decoder.up_blocks.2.resnets"))).toHaveLength(18);
  });

  test("rounds an odd side down on the way in", () => {
    const graph = autoencoderEncoder(autoencoderKlConfig(small), { batch: 1, height: 21, width: 31 });
    expect(graph.outputs.get("mean")?.shape).toEqual([1, 4, 5, 7]);
  });

  test("does without the 1x1 convolutions where the config says so", () => {
    const config: AutoencoderKlConfig = autoencoderKlConfig({
      ...small,
      use_quant_conv: false,
      use_post_quant_conv: false,
    });
    const shape = { batch: 1, height: 8, width: 8 };
    const all = [autoencoderEncoder(config, shape), autoencoderDecoder(config, shape)].flatMap(weightNames);
    expect(all.filter((name) => name.includes("quant_conv"))).toEqual([]);
  });

  test.each([
    [{ up_block_types: ["AttnUpDecoderBlock2D"] }, '"up_block_types" is ["AttnUpDecoderBlock2D"] where a list of 1 Up'],
    [{ down_block_types: ["DownBlock2D"] }, '"down_block_types" is ["DownBlock2D"] where a list of 1 DownEncoderBlock'],
    [{ act_fn: "mish" }, '"act_fn" is "mish" where "silu" or "swish" is required'],
    [{ norm_num_groups: 48 }, '"norm_num_groups" is 48 where a divisor of 64 channels is required'],
    [{ _class_name: "VQModel" }, '"_class_name" is "VQModel"'],
    [{ latents_mean: [0, 0], latents_std: [1, 1, 1, 1] }, '"latents_mean" is [0,0] where a list of 4 numbers'],
    [{ latents_mean: [0, 0, 0, 0], latents_std: [1, 0, 1, 1] }, "a list without 0"],
  ])("refuses %j", (config, message) => {
    expect(() => autoencoderKlConfig(config)).toThrow(message);
  });
});

const imageOf = (graph: Graph) => graph.outputs.get("image")?.shape;
