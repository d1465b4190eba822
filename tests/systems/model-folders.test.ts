import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeElements } from "../../src/checkpoint/bytes/decode-elements.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import { openUnconditional } from "../../src/systems/unconditional.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { temporaryCopy } from "../checkpoint/files.ts";
import { fixturePath } from "../support/fixtures.ts";

const FOLDER = fixturePath("pipelines/sd15/model");
const UNET = "unet/diffusion_pytorch_model.safetensors";
const VAE = "vae/diffusion_pytorch_model.safetensors";
const TEXT = "text_encoder/model.safetensors";
const JSONS = [
  "model_index.json",
  "unet/config.json",
  "vae/config.json",
  "text_encoder/config.json",
  "scheduler/scheduler_config.json",
  "tokenizer/vocab.json",
  "tokenizer/tokenizer_config.json",
  "tokenizer/special_tokens_map.json",
];

type Edit = (folder: string) => void;

const eachText =
  (names: readonly string[], change: (text: string) => string): Edit =>
  (folder) => {
    for (const name of names) writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
  };

const json = (name: string, change: (object: Record<string, unknown>) => object): Edit =>
  eachText([name], (text) => JSON.stringify(change(JSON.parse(text) as Record<string, unknown>)));

interface Stored {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Rewrites a safetensors file tensor by tensor; `change` gives what stands in the place of one, by name. */
function tensors(
  name: string,
  change: (key: string, tensor: Stored) => readonly (readonly [string, Stored])[],
  more: readonly (readonly [string, Stored])[] = [],
): Edit {
  return (folder) => {
    const bytes = readFileSync(join(folder, name));
    const length = Number(bytes.readBigUInt64LE(0));
    type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };
    const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<string, Entry>;
    const found = Object.entries(header).filter(([key]) => key !== "__metadata__");
    const changed = found.flatMap(
      ([
        key,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => change(key, { dtype, shape, bytes: bytes.subarray(8 + length + begin, 8 + length + end) }),
    );
    let offset = 0;
    const entries = [...changed, ...more].map(([key, { dtype, shape, bytes: data }]): [string, Entry] => {
      offset += data.length;
      return [key, { dtype, shape: [...shape], data_offsets: [offset - data.length, offset] }];
    });
    const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(
      join(folder, name),
      Buffer.concat([size, text, ...[...changed, ...more].map(([, one]) => one.bytes)]),
    );
  };
}

const prefixed = (name: string, prefix: string): Edit => tensors(name, (key, tensor) => [[prefix + key, tensor]]);
const added = (name: string, more: Readonly<Record<string, readonly number[]>>): Edit =>
  tensors(
    name,
    (key, tensor) => [[key, tensor]],
    Object.entries(more).map(([key, shape]) => [
      key,
      { dtype: "F32", shape, bytes: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) },
    ]),
  );

const all =
  (...edits: readonly Edit[]): Edit =>
  (folder) => {
    for (const edit of edits) edit(folder);
  };

async function latentsOf(edit: Edit): Promise<Tensor> {
  const folder = temporaryCopy(FOLDER);
  edit(folder);
  await using pipeline = textToImage(await openStableDiffusion(folder), { runtime: nodeRuntime({ threads: 1 }) });
  const { latents } = await pipeline.generate({ prompt: "a red car", seed: 1, steps: 1, width: 32, height: 32 });
  return latents;
}

/** A config of CLIPModel around that of its text tower, and names as such a model has them. */
const wholeClip: Edit = all(
  json("text_encoder/config.json", ({ architectures, ...text_config }) => ({
    architectures: ["CLIPModel"],
    model_type: "clip",
    text_config,
    vision_config: {},
    projection_dim: 8,
  })),
  added(TEXT, {
    "vision_model.embeddings.class_embedding": [8],
    "visual_projection.weight": [8, 8],
    "text_projection.weight": [8, 8],
    logit_scale: [],
  }),
);

const SAME: Readonly<Record<string, Edit>> = {
  "a byte order mark before every JSON and the merges": eachText(
    [...JSONS, "tokenizer/merges.txt"],
    (text) => `\uFEFF${text}`,
  ),
  "lines that end as on Windows": eachText([...JSONS, "tokenizer/merges.txt"], (text) => text.replaceAll("\n", "\r\n")),
  "numbers that Python writes and JSON does not have": eachText(
    JSONS.filter((name) => !name.endsWith("vocab.json")),
    (text) => text.replace(/\}\s*$/, ', "_a": NaN, "_b": -Infinity, "_c": "NaN, \\" Infinity" }'),
  ),
  "merges without a version": eachText(["tokenizer/merges.txt"], (text) => text.slice(text.indexOf("\n") + 1)),
  "merges of another version": eachText(["tokenizer/merges.txt"], (text) => text.replace(/.*/, "#version: 9 - mine")),
  "a U-Net in torch's parallel wrapper": prefixed(UNET, "module."),
  "a compiled U-Net in torch's parallel wrapper": prefixed(UNET, "module._orig_mod."),
  "a compiled autoencoder": prefixed(VAE, "_orig_mod."),
  "a projection that Stable Diffusion 1 does not use": added(TEXT, { "text_projection.weight": [8, 8] }),
  "positions as numbers with fractions": tensors(TEXT, (key, tensor) => [
    [key, key.endsWith("position_ids") ? { ...tensor, dtype: "F32", bytes: tensor.bytes.slice(0, 4 * 77) } : tensor],
  ]),
  "a whole CLIPModel for a text encoder": wholeClip,
  "a text encoder of another class than it says": json("text_encoder/config.json", (config) => ({
    ...config,
    architectures: ["CLIPModel"],
  })),
  "an autoencoder without a scale": json("vae/config.json", ({ scaling_factor, ...config }) => config),
  "a safety checker that is listed and not there": json("model_index.json", (index) => ({
    ...index,
    safety_checker: ["stable_diffusion", "StableDiffusionSafetyChecker"],
    feature_extractor: ["transformers", "CLIPImageProcessor"],
    image_encoder: [null, null],
  })),
  "a scheduler without its class": json("scheduler/scheduler_config.json", ({ _class_name, ...config }) => config),
  "a scheduler of a class that the index overrules": json("scheduler/scheduler_config.json", (config) => ({
    ...config,
    _class_name: "EulerDiscreteScheduler",
  })),
};

describe("a model folder makes the same picture", () => {
  let untouched: Promise<Tensor> | undefined;

  test.each(Object.entries(SAME))("with %s", async (_name, edit) => {
    untouched ??= latentsOf(() => {});
    expect(await latentsOf(edit)).toEqual(await untouched);
  });
});

describe("weights of eight bits", () => {
  /** The nearest of the 256 values for every one, as bytes. */
  const rounded = (dtype: "F8_E4M3" | "F8_E5M2", bytes: Uint8Array): Uint8Array => {
    const values = [
      ...decodeElements(
        Uint8Array.from({ length: 256 }, (_, i) => i),
        dtype,
      ),
    ];
    return Uint8Array.from(decodeElements(bytes, "F32"), (value) => {
      const distances = values.map((candidate) => Math.abs(candidate - value));
      return distances.indexOf(Math.min(...distances.filter(Number.isFinite)));
    });
  };

  test.each(["F8_E4M3", "F8_E5M2"] as const)("of %s are what they stand for", async (dtype) => {
    const chosen = (key: string): boolean => key.startsWith("conv_");
    const eight = tensors(UNET, (key, tensor) => [
      [key, chosen(key) ? { ...tensor, dtype, bytes: rounded(dtype, tensor.bytes) } : tensor],
    ]);
    const spelledOut = tensors(UNET, (key, tensor) => {
      if (!chosen(key)) return [[key, tensor]];
      const { buffer } = decodeElements(rounded(dtype, tensor.bytes), dtype);
      return [[key, { ...tensor, bytes: new Uint8Array(buffer) }]];
    });
    expect(await latentsOf(eight)).toEqual(await latentsOf(spelledOut));
  });
});

describe("a model's index settles the class of its scheduler", () => {
  const schedulerOf = async (edit: Edit) => {
    const folder = temporaryCopy(FOLDER);
    edit(folder);
    return (await openStableDiffusion(folder)).scheduler;
  };
  const indexed = (className: string): Edit =>
    json("model_index.json", (index) => ({ ...index, scheduler: ["diffusers", className] }));

  test("whatever its file says, whose fields it takes", async () => {
    const scheduler = await schedulerOf(indexed("LMSDiscreteScheduler"));
    expect(scheduler).toMatchObject({ className: "LMSDiscreteScheduler", beta_end: 0.012, steps_offset: 1 });
  });

  test("and refuses one that is not supported", async () => {
    await expect(schedulerOf(indexed("FlowMatchEulerDiscreteScheduler"))).rejects.toThrow(
      /scheduler_config\.json": _class_name is "FlowMatchEulerDiscreteScheduler"; supported are/,
    );
  });

  test("of unconditional models, too", async () => {
    const folder = temporaryCopy(fixturePath("pipelines/ddpm/model"));
    indexed("DDIMScheduler")(folder);
    expect((await openUnconditional(folder)).scheduler.className).toBe("DDIMScheduler");
  });
});

test.each([
  ["AltRobertaModel", "Cannot use", "as AltRobertaModel: CLIPTextModel or CLIPTextModelWithProjection is required"],
])("a text encoder of class %s is refused by name", async (className, ...words) => {
  const folder = temporaryCopy(FOLDER);
  json("model_index.json", (index) => ({ ...index, text_encoder: ["transformers", className] }))(folder);
  for (const word of words) await expect(openStableDiffusion(folder)).rejects.toThrow(word);
});

test.each([
  "StableDiffusionControlNetPipeline",
  "StableDiffusionInpaintPipelineLegacy",
  "StableDiffusionInstructPix2PixPipeline",
  "StableDiffusionPipelineSafe",
])("a model of %s is refused by name", async (className) => {
  const folder = temporaryCopy(FOLDER);
  json("model_index.json", (index) => ({ ...index, _class_name: className }))(folder);
  await expect(openStableDiffusion(folder)).rejects.toThrow(`it is a ${className}, one of StableDiffusionPipeline,`);
});
