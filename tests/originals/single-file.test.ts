import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import {
  autoencoderDecoder,
  autoencoderEncoder,
  autoencoderKlConfig,
} from "../../src/models/autoencoder/autoencoder-kl.ts";
import { clipTextConfig, clipTextModel, tokenInput } from "../../src/models/clip/clip-text.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { openSingleFile, type SingleFile } from "../../src/originals/stable-diffusion/single-file.ts";
import { coderShape, idRows } from "../models/graphs.ts";
import { NETWORK_CALL, SINGLE_FILE_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { unetCase } from "../support/models/unet-cases.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const FILE = fixturePath("original/single/model.safetensors");
const CONFIG = fixturePath("original/single/config.yaml");

describe.each([
  ["inferred from its tensors", undefined],
  ["described by its YAML", CONFIG],
])("a single file of Stable Diffusion 1, %s,", (_, configPath) => {
  const io = readFixture("original/single/io.safetensors");
  const open = (): Promise<SingleFile> => openSingleFile(FILE, { configPath });

  test("predicts noise as the reference does", async () => {
    const model = await open();
    const stored = {
      ...io,
      tensor: (name: string) => io.tensor(`unet.${name}`),
      has: (name: string) => io.has(`unet.${name}`),
    };
    const { shape, feeds } = unetCase(stored, "");
    const context = io.tensor("unet.context");
    const network = unet(unetConfig(model.unet.config), { ...shape, contextLength: 9 }, model.unet.weights);
    const { prediction } = await runGraph(network.graph, { ...feeds, encoder_hidden_states: context });
    expect(prediction).toBeCloseTensor(io.tensor("unet.output"), SINGLE_FILE_CALL);
  });

  test("encodes and decodes images as the reference does", async () => {
    const { vae } = await open();
    const config = autoencoderKlConfig(vae.config);
    const [image, latent] = [io.tensor("vae.image"), io.tensor("vae.latent")];
    const encoded = await runGraph(autoencoderEncoder(config, coderShape(image), vae.weights), { image });
    expect(encoded["mean"]).toBeCloseTensor(io.tensor("vae.mean"), NETWORK_CALL);
    expect(encoded["logvar"]).toBeCloseTensor(io.tensor("vae.logvar"), NETWORK_CALL);
    const decoded = await runGraph(autoencoderDecoder(config, coderShape(latent), vae.weights), { latent });
    expect(decoded["image"]).toBeCloseTensor(io.tensor("vae.decode"), NETWORK_CALL);
  });

  test("reads prompts as the reference does", async () => {
    const [text] = (await open()).textEncoders;
    const config = clipTextConfig(text!.config);
    const ids = tokenInput(idRows(io.tensor("text.input_ids")), config);
    const graph = clipTextModel(config, { batch: ids.shape[0], length: ids.shape[1] }, text!.weights);
    const { last_hidden_state: state } = await runGraph(graph, { input_ids: ids });
    expect(state).toBeCloseTensor(io.tensor("text.last_hidden_state"), NETWORK_CALL);
  });

  test("leaves the weights where they are", async () => {
    const model = await open();
    const spans = (weights: Weights) => [...weights.values()].map(({ span }) => span.source.path);
    const paths = [model.unet, model.vae, ...model.textEncoders].flatMap(({ weights }) => spans(weights));
    expect(new Set(paths)).toEqual(new Set([FILE]));
    expect(paths).toHaveLength(958); // all but position_ids
  });
});

test("a single file gives the same configs by its tensors and by its YAML", async () => {
  const file = await fileSource(FILE);
  const [inferred, described] = [await openSingleFile(file), await openSingleFile(file, { configPath: CONFIG })];
  expect(described).toEqual(inferred);
  expect(inferred.kind).toBe("sd-1");
  expect(inferred.unet.config).toMatchObject({ sample_size: 64, attention_head_dim: 8, in_channels: 4 });
  expect(inferred.vae.config).toMatchObject({ sample_size: 512, scaling_factor: 0.18215 });
  expect(readSchedulerConfig(inferred.scheduler)).toMatchObject({
    className: "PNDMScheduler",
    prediction_type: "epsilon",
    beta_start: 0.00085,
    steps_offset: 1,
  });
});
