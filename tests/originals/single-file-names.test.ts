import { describe, expect, test } from "vitest";
import type { CheckpointFile } from "../../src/checkpoint/checkpoint-file.ts";
import { unwrapped } from "../../src/checkpoint/unwrapped.ts";
import type { Weight } from "../../src/checkpoint/weights.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { architecture } from "../../src/models/architectures.ts";
import {
  autoencoderDecoder,
  autoencoderEncoder,
  autoencoderKlConfig,
} from "../../src/models/autoencoder/autoencoder-kl.ts";
import { clipTextConfig, clipTextModel } from "../../src/models/clip/clip-text.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { describeSingleFile, type SingleFile } from "../../src/originals/stable-diffusion/single-file.ts";
import { imaginedFile, ORIGINAL_NAMES, publishedFile } from "./original-names.ts";

const MODELS = [
  ["sd-1.5", "sd-1", "stable-diffusion-v1-5"],
  ["sd-2.1", "sd-2", "stable-diffusion-2-1"],
  ["sdxl", "sdxl", "stable-diffusion-xl"],
] as const;

const open = (file: CheckpointFile): SingleFile => describeSingleFile(file, "x.safetensors");

describe.each(MODELS)("the original names of %s", (name, kind, title) => {
  const file = publishedFile(name);
  const model = open(file);
  const folders = {
    unet: model.unet.weights,
    vae: model.vae.weights,
    text_encoder: model.textEncoders[0]!.weights,
    ...(model.textEncoders[1] === undefined ? {} : { text_encoder_2: model.textEncoders[1].weights }),
  };
  const found: ReadonlyMap<string, Weight> = new Map(
    Object.entries(folders).flatMap(([folder, weights]) =>
      [...weights].map(([key, weight]) => [`${folder}/${key}`, weight] as const),
    ),
  );

  test("become the names that diffusers' loader gives, in place", () => {
    expect(model.kind).toBe(kind);
    const expected: string[] = ORIGINAL_NAMES[name].flatMap(([, renamed]) => renamed?.split(" ") ?? []);
    expect([...found.keys()].sort()).toEqual(expected.sort());
    for (const [original, renamed] of ORIGINAL_NAMES[name]) {
      const source = file.weights.get(original)!;
      const parts = renamed?.split(" ").map((part) => found.get(part)!) ?? [];
      if (parts.length === 1) expect(parts[0]).toEqual(source);
      if (parts.length === 3) {
        const third = source.span.length / 3;
        expect(renamed).toMatch(/q_proj.* .*k_proj.* .*v_proj/);
        parts.forEach(({ span, shape }, i) => {
          expect(span).toEqual({ ...source.span, offset: source.span.offset + i * third, length: third });
          expect(shape[0]).toBe(source.shape[0]! / 3);
        });
      }
    }
  });

  test("are all that the networks need", () => {
    const [vae, text] = [autoencoderKlConfig(model.vae.config), model.textEncoders];
    unet(unetConfig(model.unet.config), { batch: 1, height: 32, width: 32 }, model.unet.weights);
    autoencoderEncoder(vae, { batch: 1, height: 64, width: 64 }, model.vae.weights);
    autoencoderDecoder(vae, { batch: 1, height: 8, width: 8 }, model.vae.weights);
    for (const { config, weights } of text) clipTextModel(clipTextConfig(config), { batch: 1, length: 77 }, weights);
  });

  test("and shapes tell the published configs", () => {
    const published = architecture(title);
    expect(unetConfig(model.unet.config)).toEqual(unetConfig(published.unet));
    expect(autoencoderKlConfig(model.vae.config)).toEqual(autoencoderKlConfig(published.vae));
    expect(model.vae.config["sample_size"]).toBe(8 * (model.unet.config["sample_size"] as number));
    expect(model.textEncoders.map(({ config }) => clipTextConfig(config))).toEqual(
      published.textEncoders?.map((config) => clipTextConfig(config)),
    );
  });
});

describe("the scheduler of a single file", () => {
  const scheduler = (file: CheckpointFile) => readSchedulerConfig(open(file).scheduler);

  test("is that of diffusers' own copies", () => {
    expect(scheduler(publishedFile("sd-1.5"))).toMatchObject({
      className: "PNDMScheduler",
      prediction_type: "epsilon",
      given: { clip_sample: false },
    });
    expect(scheduler(publishedFile("sd-2.1"))).toMatchObject({
      className: "DDIMScheduler",
      prediction_type: "v_prediction",
      clip_sample: false,
      set_alpha_to_one: false,
    });
    expect(scheduler(publishedFile("sdxl"))).toMatchObject({
      className: "EulerDiscreteScheduler",
      timestep_spacing: "leading",
      beta_end: 0.012,
      given: { clip_sample: false },
    });
  });

  test("of Stable Diffusion 2's base model, known by its training step, predicts noise in 512 pixels", () => {
    const base = open(publishedFile("sd-2.1", { global_step: "875000" }));
    expect(base.scheduler).toMatchObject({ _class_name: "PNDMScheduler", prediction_type: "epsilon" });
    expect(base.unet.config["sample_size"]).toBe(64);
  });

  test("of an inpainting model predicts noise", () => {
    const tensors = [...publishedFile("sd-2.1").weights].map(([key, { shape }]): [string, readonly number[]] => [
      key,
      key === "model.diffusion_model.input_blocks.0.0.weight" ? [320, 9, 3, 3] : shape,
    ]);
    const model = open(imaginedFile(tensors));
    expect(model.unet.config["in_channels"]).toBe(9);
    expect(model.scheduler).toMatchObject({ prediction_type: "epsilon" });
  });

  test("heeds the marks that trainers of velocity leave", () => {
    const marked = imaginedFile([
      ...[...publishedFile("sdxl").weights].map(([key, { shape }]) => [key, shape] as const),
      ["v_pred", []],
      ["ztsnr", []],
    ]);
    expect(scheduler(marked)).toMatchObject({
      prediction_type: "v_prediction",
      rescale_betas_zero_snr: true,
      timestep_spacing: "trailing",
    });
  });
});

describe("a single file as other programs leave it", () => {
  const published = [...publishedFile("sd-1.5").weights].map(([key, { shape }]) => [key, shape] as const);
  const { unet: expected } = open(publishedFile("sd-1.5"));

  test.each([
    ["what training leaves", ["global_step", "epoch", "betas", "model_ema.decay", "first_stage_model.model_ema.decay"]],
    ["losses", ["loss.logvar", "first_stage_model.loss.discriminator.main.0.weight"]],
    ["words that were learnt beside it", ["embedding_manager.string_to_param_dict.*"]],
    ["what judges its pictures", ["safety_checker.concept_embeds"]],
  ])("may hold %s", (_what, names) => {
    const model = open(imaginedFile([...published, ...names.map((name) => [name, [1]] as const)]));
    expect([...model.unet.weights.keys()]).toEqual([...expected.weights.keys()]);
  });

  test.each([
    ["model.diffusion_model.", 'it has no U-Net, tensors "model.diffusion_model.…"'],
    ["first_stage_model.", 'it has no autoencoder, tensors "first_stage_model.…"'],
    ["cond_stage_model.", "it has no text encoder that is known"],
  ])("is refused without %s…", (prefix, message) => {
    const rest = published.filter(([key]) => !key.startsWith(prefix));
    expect(() => open(imaginedFile(rest))).toThrow(message);
  });

  test("is refused with weights of other networks, by name", () => {
    const others = [...published, ["control_model.zero_convs.0.0.weight", [1]] as const];
    expect(() => open(imaginedFile(others))).toThrow('"control_model.zero_convs.0.0.weight" belong to none');
  });

  test.each(["module.", "_orig_mod.", "module._orig_mod."])("may have %s before every name", (wrapper) => {
    const file = imaginedFile(published.map(([key, shape]) => [wrapper + key, shape] as const));
    const model = describeSingleFile({ ...file, weights: unwrapped(file.weights) }, "x.safetensors");
    expect([...model.unet.weights.keys()]).toEqual([...expected.weights.keys()]);
  });
});

test("Wrappers around wrappers are taken off, as far as all names have them", () => {
  const [weight] = publishedFile("sd-1.5").weights.values() as unknown as [Weight];
  const names = (...wrapped: readonly string[]) => [
    ...unwrapped(new Map(wrapped.map((name) => [name, weight]))).keys(),
  ];
  expect(names("module._orig_mod.a", "module._orig_mod.b")).toEqual(["a", "b"]);
  expect(names("module.module.a", "module.b")).toEqual(["module.a", "b"]);
  expect(names("module.a", "b")).toEqual(["module.a", "b"]);
  expect(names(`${"module.".repeat(50_000)}a`)).toEqual(["a"]);
});
