import { describe, expect, test } from "vitest";
import { memoryFiles } from "../../src/checkpoint/files/memory.ts";
import { type Choosing, neededFiles } from "../../src/systems/from-hub/needed-files.ts";

const index = (className: string, components: readonly string[]): string =>
  JSON.stringify({
    _class_name: className,
    ...Object.fromEntries(components.map((name) => [name, ["library", "Class"]])),
  });

const PARTS = ["unet", "vae", "text_encoder", "tokenizer", "scheduler", "safety_checker", "feature_extractor"];
const SD: Readonly<Record<string, string>> = {
  "model_index.json": index("StableDiffusionPipeline", PARTS),
  "README.md": "",
  "v1-5-pruned.ckpt": "",
  "v1-5-pruned.safetensors": "",
  "scheduler/scheduler_config.json": "{}",
  "tokenizer/vocab.json": "{}",
  "tokenizer/merges.txt": "",
  "tokenizer/tokenizer_config.json": "{}",
  "safety_checker/config.json": "{}",
  "safety_checker/model.safetensors": "",
  "feature_extractor/preprocessor_config.json": "{}",
  ...Object.fromEntries(
    ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"].flatMap((stem) => [
      [`${stem.split("/")[0]}/config.json`, "{}"],
      ...["safetensors", "fp16.safetensors", "bin", "fp16.bin", "non_ema.safetensors"].map((end) => [
        `${stem}.${end}`,
        "",
      ]),
      [`${stem.split("/")[0]}/flax_model.msgpack`, ""],
      [`${stem.split("/")[0]}/model.onnx`, ""],
      [`${stem.split("/")[0]}/openvino_model.xml`, ""],
    ]),
  ),
};

const needed = async (files: Readonly<Record<string, string>>, choosing: Partial<Choosing> = {}) =>
  await neededFiles(memoryFiles(files, "org/model"), { purpose: "model", prefers: "small", ...choosing });

const without = (files: Readonly<Record<string, string>>, pattern: RegExp) =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !pattern.test(path)));

const weightsOf = ({ paths }: { readonly paths: readonly string[] }): readonly string[] =>
  paths.filter((path) => /\.(safetensors|bin)$/.test(path));

describe("Of a model in diffusers' layout", () => {
  test("one precision and one format is needed, and nothing that is not read", async () => {
    expect(await needed(SD)).toEqual({
      kind: "folder",
      path: "",
      paths: [
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "tokenizer/tokenizer_config.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.fp16.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.fp16.safetensors",
        "model_index.json",
      ],
    });
  });

  test.each<[string, RegExp, Partial<Choosing>, string]>([
    ["the plain ones, where there is no fp16", /fp16/, {}, "unet/diffusion_pytorch_model.safetensors"],
    ["safetensors before pickles of fp16", /fp16\.safetensors/, {}, "unet/diffusion_pytorch_model.safetensors"],
    ["pickles, where there is nothing else", /safetensors/, {}, "unet/diffusion_pytorch_model.fp16.bin"],
    [
      "the variant that was asked for",
      /^$/,
      { variant: "non_ema" },
      "unet/diffusion_pytorch_model.non_ema.safetensors",
    ],
    [
      "what a folder is read from, of one that is there",
      /^$/,
      { prefers: "plain" },
      "unet/diffusion_pytorch_model.safetensors",
    ],
  ])("%s", async (_, missing, choosing, file) => {
    expect(weightsOf(await needed(without(SD, missing), choosing))[0]).toBe(file);
  });

  test("all shards of an index are needed", async () => {
    const shards = { a: "model-1.safetensors", b: "model-2.safetensors", c: "model-1.safetensors" };
    const files = {
      ...without(SD, /^unet\/diff/),
      "unet/diffusion_pytorch_model.safetensors.index.json": JSON.stringify({ weight_map: shards }),
    };
    expect(weightsOf(await needed(files)).slice(0, 2)).toEqual([
      "unet/model-1.safetensors",
      "unet/model-2.safetensors",
    ]);
  });

  test("configs alone are needed to inspect it", async () => {
    const { paths } = await needed(SD, { purpose: "configs" });
    expect(paths).toContain("unet/config.json");
    expect(weightsOf({ paths })).toEqual([]);
  });

  test("a refiner goes without its autoencoder", async () => {
    const { paths } = await needed(SD, { purpose: "refiner" });
    expect(paths.some((path) => path.startsWith("vae/"))).toBe(false);
  });

  test("another class is refused before anything else is looked at", async () => {
    const files = { "model_index.json": index("FluxPipeline", ["transformer"]) };
    await expect(needed(files)).rejects.toMatchObject({
      code: "MODEL_UNSUPPORTED",
      message: expect.stringContaining('Cannot open "org/model": it is a FluxPipeline, one of StableDiffusionPipeline'),
    });
  });

  test.each([
    ["weights", /^unet\/diff/, 'Cannot find weights in "org/model/unet"'],
    ["a vocabulary", /vocab\.json/, 'Cannot read the tokenizer "org/model/tokenizer"'],
  ])("one without %s is refused", async (_, missing, message) => {
    await expect(needed(without(SD, missing))).rejects.toThrow(message);
  });
});

test("The older layout of DDPM is needed as it lies", async () => {
  const files = {
    "config.json": "{}",
    "scheduler_config.json": "{}",
    "diffusion_pytorch_model.bin": "",
    "images/a.png": "",
  };
  expect((await needed(files)).paths).toEqual(["config.json", "diffusion_pytorch_model.bin", "scheduler_config.json"]);
});

test.each<[string, Choosing["purpose"], readonly string[], readonly string[]]>([
  ["a checkpoint", "model", ["a.ckpt", "a.safetensors", "README.md"], ["a.safetensors"]],
  [
    "an autoencoder's folder",
    "network",
    ["config.json", "diffusion_pytorch_model.bin", "a.ckpt"],
    ["config.json", "diffusion_pytorch_model.bin"],
  ],
  [
    "a LoRA of diffusers",
    "lora",
    ["pytorch_lora_weights.safetensors", "b.safetensors"],
    ["pytorch_lora_weights.safetensors"],
  ],
  [
    "a LoRA of peft",
    "lora",
    ["adapter_config.json", "adapter_model.safetensors"],
    ["adapter_config.json", "adapter_model.safetensors"],
  ],
  ["a LoRA of one file", "lora", ["style.safetensors", "a.png"], ["style.safetensors"]],
  ["an embedding", "embedding", ["learned_embeds.bin", "token_identifier.txt"], ["learned_embeds.bin"]],
  [
    "an embedding in both formats",
    "embedding",
    ["learned_embeds.bin", "learned_embeds.safetensors"],
    ["learned_embeds.safetensors"],
  ],
  [
    "a ControlNet that is pulled",
    "any",
    ["config.json", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors"],
    ["config.json", "diffusion_pytorch_model.fp16.safetensors"],
  ],
  ["an embedding that is pulled", "any", ["learned_embeds.bin", "README.md"], ["learned_embeds.bin"]],
])("Of %s, as %s, of %j are needed %j", async (_, purpose, names, paths) => {
  const files = Object.fromEntries(names.map((name) => [name, "{}"]));
  expect((await needed(files, { purpose })).paths).toEqual(paths);
});

test("Where several files could be meant, they are named", async () => {
  await expect(needed({ "a.safetensors": "", "b.safetensors": "" })).rejects.toThrow(
    'Cannot open "org/model": it has several files, name one as in "org/model/a.safetensors": a.safetensors, b.safetensors',
  );
  const revision = neededFiles(memoryFiles({ "a.ckpt": "", "b.ckpt": "" }, "org/model@v1"), {
    purpose: "model",
    prefers: "small",
  });
  await expect(revision).rejects.toThrow('name one as in "org/model/a.ckpt@v1"');
  await expect(needed({ "README.md": "" }, { purpose: "lora" })).rejects.toThrow("it has no file that could be a LoRA");
});
