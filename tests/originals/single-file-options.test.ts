import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import type { CheckpointFile } from "../../src/checkpoint/checkpoint-file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { clipTextConfig, clipTextModel, tokenInput } from "../../src/models/clip/clip-text.ts";
import { originalTensors } from "../../src/originals/stable-diffusion/shapes.ts";
import { describeSingleFile } from "../../src/originals/stable-diffusion/single-file.ts";
import { TEXT_TOWERS } from "../../src/originals/stable-diffusion/text.ts";
import { idRows } from "../models/graphs.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { imaginedFile, publishedFile } from "./original-names.ts";

type Tensors = readonly (readonly [string, readonly number[]])[];
const tensorsOf = ({ weights }: CheckpointFile): Tensors => [...weights].map(([key, { shape }]) => [key, shape]);
const SD15 = tensorsOf(publishedFile("sd-1.5"));
const describeTensors = (tensors: Tensors, options = {}) =>
  describeSingleFile(imaginedFile(tensors), "x.ckpt", options);

describe("averaged weights", () => {
  const average = (key: string): string => `model_ema.${key.slice("model.".length).replaceAll(".", "")}`;
  const averages: Tensors = SD15.filter(([key]) => key.startsWith("model.diffusion_model.")).map(([key, shape]) => [
    average(key),
    shape,
  ]);
  const both: Tensors = [...SD15, ...averages, ["model_ema.decay", []], ["model_ema.num_updates", []]];

  test("are preferred to those they average, unless told otherwise", () => {
    const file = imaginedFile(both);
    const key = "model.diffusion_model.input_blocks.1.0.in_layers.2.weight";
    const taken = (ema: boolean | undefined) =>
      describeSingleFile(file, "x", { ema }).unet.weights.get("down_blocks.0.resnets.0.conv1.weight");
    expect(average(key)).toBe("model_ema.diffusion_modelinput_blocks10in_layers2weight");
    expect(taken(undefined)).toEqual(file.weights.get(average(key)));
    expect(taken(true)).toEqual(taken(undefined));
    expect(taken(false)).toEqual(file.weights.get(key));
  });

  test("must be complete and of the same shapes", () => {
    expect(() => describeTensors(both.filter(([key]) => !key.endsWith("out2bias")))).toThrow(
      'Cannot read "x.ckpt" as a Stable Diffusion model: it has averaged weights, but "model_ema.diffusion_modelout2bias" is not among them',
    );
    const wrong = both.map(([key, shape]) => [key, key.endsWith("out2bias") ? [5] : shape] as const);
    expect(() => describeTensors(wrong)).toThrow(
      '"model_ema.diffusion_modelout2bias" has the shape [5] where [4] is required',
    );
    expect(() => describeTensors(wrong, { ema: false })).not.toThrow();
  });
});

describe("a single file", () => {
  const without = (prefix: string): Tensors => SD15.filter(([key]) => !key.startsWith(prefix));

  test("may hold what training left in it", () => {
    const kept = [
      "betas",
      "alphas_cumprod",
      "sqrt_recipm1_alphas_cumprod",
      "posterior_mean_coef1",
      "logvar",
      "lvlb_weights",
      "scale_factor",
    ];
    const training = [
      "first_stage_model.loss.discriminator.main.0.weight",
      "cond_stage_model.transformer.text_model.embeddings.position_ids",
    ];
    const model = describeTensors([...SD15, ...[...kept, ...training].map((key): [string, number[]] => [key, [1]])]);
    expect(model.unet.weights.size + model.vae.weights.size + model.textEncoders[0]!.weights.size).toBe(SD15.length);
  });

  test.each([
    [
      [...SD15, ["control_model.x", [1]], ["lora.y", [1]]],
      '"control_model.x", "lora.y" belong to none of its networks',
    ],
    [
      [...SD15, ["model.diffusion_model.label_emb.weight", [1]]],
      '"model.diffusion_model.label_emb.weight" belong to none',
    ],
    [[...SD15, ["first_stage_model.encoder.down.0.attn.0.q.weight", [1]]], "belong to none of its networks"],
    [[...SD15, ["model.diffusion_model.constructor.weight", [1]]], "belong to none of its networks"],
    [
      without("cond_stage_model."),
      'it has no text encoder that is known; looked for "conditioner.embedders.0.transformer.…" and',
    ],
    [without("first_stage_model."), 'it has no autoencoder, tensors "first_stage_model.…" (it has "cond_stage_model.'],
    [without("model.diffusion_model."), 'it has no U-Net, tensors "model.diffusion_model.…"'],
    [without("model.diffusion_model.out.2"), 'it has no tensor "model.diffusion_model.out.2.weight"'],
    [without("first_stage_model.decoder.conv_in"), 'it has no tensor "first_stage_model.decoder.conv_in.weight"'],
    [
      without("cond_stage_model.transformer.text_model.embeddings."),
      'it has no tensor "cond_stage_model.transformer.embeddings.token_embedding.weight"',
    ],
    [[["a", [1]]], 'it has no U-Net, tensors "model.diffusion_model.…" (it has "a")'],
  ] as readonly (readonly [Tensors, string])[])("is refused by name %#", (tensors, message) => {
    expect(() => describeTensors(tensors)).toThrow('Cannot read "x.ckpt" as a Stable Diffusion model: ');
    expect(() => describeTensors(tensors)).toThrow(message);
  });

  test("with a shape too short for its place is refused", () => {
    const flat = SD15.map(([key, shape]) => [key, key.endsWith("input_blocks.0.0.weight") ? [320] : shape] as const);
    expect(() => describeTensors(flat)).toThrow('input_blocks.0.0.weight" has the shape [320], which is too short');
  });

  test("with heads that do not divide its channels is refused", () => {
    const odd = tensorsOf(publishedFile("sd-2.1")).map(
      ([key, shape]) => [key, /input_blocks.[12].0.out_layers.3.weight$/.test(key) ? [300, 320, 3, 3] : shape] as const,
    );
    expect(() => describeTensors(odd)).toThrow("its level of 300 channels does not divide into heads of 64");
  });

  test("with more blocks than any model is refused at once", () => {
    const blocks = Array.from(
      { length: 100_000 },
      (_, i) => [`model.diffusion_model.input_blocks.${i + 1}.0.op.weight`, [1]] as const,
    );
    expect(() => describeTensors([...SD15, ...blocks])).toThrow(
      'tensors "model.diffusion_model.input_blocks.…", at most 256 are read',
    );
  });
});

describe("OpenCLIP's text tower", () => {
  const io = readFixture("original/open-clip/io.safetensors");

  async function run(penultimate: boolean | undefined, choices = {}) {
    const file = await readCheckpoint(await fileSource(fixturePath("original/open-clip/model.safetensors")));
    const tensors = originalTensors(file.weights, "", (reason) => {
      throw new Error(reason);
    });
    const [reader] = penultimate === undefined ? TEXT_TOWERS.sdxl.slice(1) : TEXT_TOWERS["sd-2"];
    const { config: json, map } = reader!.read(tensors, penultimate ?? true);
    const weights = new Map([...file.weights].flatMap(([key, weight]) => map(key, weight) ?? []));
    const config = clipTextConfig(json);
    expect(config.heads).toBe(2);
    const ids = tokenInput(idRows(io.tensor("input_ids")), config);
    const graph = clipTextModel(config, { batch: ids.shape[0], length: ids.shape[1], ...choices }, weights);
    return runGraph(graph, { input_ids: ids });
  }

  test("gives SDXL the last state but one, and the projection of the last", async () => {
    const { context, text_embeds: embeds } = await run(undefined, { skip: 1, finalNorm: false });
    expect(context).toBeCloseTensor(io.tensor("penultimate"), NETWORK_CALL);
    expect(embeds).toBeCloseTensor(io.tensor("text_embeds"), NETWORK_CALL);
  });

  test("gives Stable Diffusion 2 the normed state of its last layer but one, or of its last", async () => {
    expect((await run(true))["context"]).toBeCloseTensor(io.tensor("penultimate_normed"), NETWORK_CALL);
    expect((await run(false))["context"]).toBeCloseTensor(io.tensor("last_hidden_state"), NETWORK_CALL);
  });
});
