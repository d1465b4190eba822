import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { tinyAutoencoderConfig, tinyDecoder, tinyEncoder } from "../../src/models/autoencoder/tiny-autoencoder.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { coderShape, labels, weightNames } from "./graphs.ts";

describe("taesd", () => {
  const io = readFixture("models/taesd/io.safetensors");
  const open = async () => {
    const { config, weights } = await openComponent(fixturePath("models/taesd"));
    return { config: tinyAutoencoderConfig(config), weights };
  };

  test.each(labels(io))("%s encodes and decodes as the reference does", async (label) => {
    const { config, weights } = await open();
    const [image, latent] = [io.tensor(`${label}image`), io.tensor(`${label}latent`)];
    const encoded = await runGraph(tinyEncoder(config, coderShape(image), weights), { image });
    expect(encoded["latent"]).toBeCloseTensor(io.tensor(`${label}encode`), NETWORK_CALL);
    const decoded = await runGraph(tinyDecoder(config, coderShape(latent), weights), { latent });
    expect(decoded["image"]).toBeCloseTensor(io.tensor(`${label}decode`), NETWORK_CALL);
  });

  test("uses every weight exactly once over both halves", async () => {
    const { config, weights } = await open();
    const shape = { batch: 1, height: 8, width: 8 };
    const halves = [tinyEncoder(config, shape, weights), tinyDecoder(config, shape, weights)];
    expect(halves.flatMap(weightNames).sort()).toEqual([...weights.keys()].sort());
  });
});

describe("tinyAutoencoderConfig()", () => {
  test("fills in what diffusers fills in", () => {
    const config = tinyAutoencoderConfig({});
    expect(config).toMatchObject({ activation: "relu", scalingFactor: 1, shiftFactor: 0, upscale: 2 });
    expect(config.encoder.map(({ blocks }) => blocks)).toEqual([1, 3, 3, 3]);
    expect(config.decoder.map(({ blocks }) => blocks)).toEqual([3, 3, 3, 1]);
  });

  test.each([
    [{ upsample_fn: "bilinear" }, '"upsample_fn" is "bilinear" where "nearest" is required'],
    [{ encoder_block_out_channels: [8, 16] }, "a list of one and the same width is required"],
    [{ num_decoder_blocks: [1, 2] }, '"num_decoder_blocks" is [1,2] where a list of 4, one for each stage'],
    [{ act_fn: "mish" }, '"act_fn" is "mish"'],
  ])("refuses %j", (config, message) => {
    expect(() => tinyAutoencoderConfig(config)).toThrow(message);
  });
});
