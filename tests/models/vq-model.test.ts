import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { vqDecoder, vqEncoder, vqModelConfig } from "../../src/models/autoencoder/vq-model.ts";
import { elementCount, type Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { coderShape, labels, weightNames } from "./graphs.ts";

describe("vq-f4", () => {
  const io = readFixture("models/vq-f4/io.safetensors");
  const open = async () => {
    const { config, weights } = await openComponent(fixturePath("models/vq-f4"));
    return { config: vqModelConfig(config), weights };
  };

  test.each(labels(io))("%s encodes as the reference does", async (label) => {
    const { config, weights } = await open();
    const image = io.tensor(`${label}image`);
    const { latent } = await runGraph(vqEncoder(config, coderShape(image), weights), { image });
    expect(latent).toBeCloseTensor(io.tensor(`${label}encode`), NETWORK_CALL);
  });

  test.each(labels(io))("%s decodes as the reference does, from the codes that it picks", async (label) => {
    const { config, weights } = await open();
    const latent = io.tensor(`${label}latent`);
    const { image, quantized } = await runGraph(vqDecoder(config, coderShape(latent), weights), { latent });
    expect(quantized).toBeCloseTensor(io.tensor(`${label}quantized`), NETWORK_CALL);
    expect(image).toBeCloseTensor(io.tensor(`${label}decode`), NETWORK_CALL);
    const codebook = readFixture("models/vq-f4/diffusion_pytorch_model.safetensors").tensor(
      "quantize.embedding.weight",
    );
    expect(quantized?.data).toEqual(lookUp(codebook, io.tensor(`${label}indices`)));
  });

  test.each(labels(io))("%s decodes without quantising as the reference does", async (label) => {
    const { config, weights } = await open();
    const latent = io.tensor(`${label}latent`);
    const graph = vqDecoder(config, { ...coderShape(latent), quantize: false }, weights);
    const outputs = await runGraph(graph, { latent });
    expect(Object.keys(outputs)).toEqual(["image"]);
    expect(outputs["image"]).toBeCloseTensor(io.tensor(`${label}decode.force_not_quantize`), NETWORK_CALL);
  });

  test("uses every weight exactly once over both halves", async () => {
    const { config, weights } = await open();
    const shape = { batch: 1, height: 8, width: 8 };
    const halves = [vqEncoder(config, shape, weights), vqDecoder(config, shape, weights)];
    expect(halves.flatMap(weightNames).sort()).toEqual([...weights.keys()].sort());
  });
});

describe("vqModelConfig()", () => {
  test("takes codes as wide as the latent where nothing is said", () => {
    expect(vqModelConfig({ latent_channels: 4, vq_embed_dim: null })).toMatchObject({
      codeWidth: 4,
      codebookSize: 256,
    });
    expect(vqModelConfig({ latent_channels: 4, vq_embed_dim: 7 })).toMatchObject({ latentChannels: 4, codeWidth: 7 });
  });

  test.each([
    [{ norm_type: "spatial" }, '"norm_type" is "spatial" where "group" is required'],
    [{ lookup_from_codebook: true }, '"lookup_from_codebook" is true where false is required'],
    [{ _class_name: "AutoencoderKL" }, '"_class_name" is "AutoencoderKL" where "VQModel" is required'],
  ])("refuses %j", (config, message) => {
    expect(() => vqModelConfig(config)).toThrow(message);
  });
});

/** Codebook rows at `indices` [B, H, W], laid out [B, C, H, W]. */
function lookUp({ data, shape: [, width = 0] }: Tensor, indices: Tensor): Float32Array {
  const [batch = 0, ...sides] = indices.shape;
  const pixels = elementCount(sides);
  return Float32Array.from({ length: batch * width * pixels }, (_, i) => {
    const [image, channel, pixel] = [Math.floor(i / (width * pixels)), Math.floor(i / pixels) % width, i % pixels];
    return data[indices.data[image * pixels + pixel]! * width + channel]!;
  });
}
