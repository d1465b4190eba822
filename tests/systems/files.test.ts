import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { memoryFiles } from "../../src/checkpoint/files/memory.ts";
import { nodeFiles } from "../../src/checkpoint/files/node.ts";
import type { Files } from "../../src/checkpoint/files.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { openStableDiffusion, type StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import { openUnconditional } from "../../src/systems/unconditional.ts";
import { fixturePath } from "../support/fixtures.ts";
import { copiedFiles, notedFiles } from "../support/models/copied-files.ts";

const SD15 = fixturePath("pipelines/sd15/model");
const DDPM = fixturePath("pipelines/ddpm/model");
/** A vocabulary as small as that of the tiny single file. */
const LETTERS = Object.fromEntries(
  [..."abcdefghijklmnopqrstuvwxyz"]
    .flatMap((letter) => [letter, `${letter}</w>`])
    .concat("<|startoftext|>", "<|endoftext|>")
    .map((token, id) => [token, id]),
);
const VOCABULARY = join(SD15, "tokenizer");

/** Every tensor with its bytes. */
async function contents(weights: Weights): Promise<Record<string, unknown>> {
  const entries = [...weights].map(async ([name, { dtype, shape, span }]) => {
    const bytes = await span.source.read(span.offset, span.length);
    return [name, { dtype, shape, bytes: Buffer.from(bytes).toString("base64") }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** What there is to know of a model, but where it lies. */
async function described({ unet, vae, textEncoder, tokenizer, ...model }: StableDiffusionModel) {
  const networks = { unet, vae, textEncoder };
  return {
    ...model,
    folder: undefined,
    configs: Object.values(networks).map(({ config }) => config),
    weights: await Promise.all(Object.values(networks).map(({ weights }) => contents(weights))),
    tokens: tokenizer.encode("a red fox, naïve, 12"),
  };
}

describe("openModel()", () => {
  const opened = async (folder: string): Promise<string[]> => {
    const calls: string[] = [];
    await openModel({ path: notedFiles(nodeFiles(folder), calls), tokenizer: VOCABULARY });
    return calls;
  };

  test.each([SD15, fixturePath("pipelines/sdxl/model"), DDPM])(
    "lists no folder and opens no file twice of %s",
    async (folder) => {
      const calls = await opened(folder);
      expect(calls.filter((call, i) => calls.indexOf(call) < i)).toEqual([]);
      expect(calls.slice(0, 2)).toEqual(["list ", "open model_index.json"]);
    },
  );

  test("reads of a model what it needs and nothing else", async () => {
    expect((await opened(DDPM)).sort()).toEqual([
      "list ",
      "list unet",
      "open model_index.json",
      "open scheduler/scheduler_config.json",
      "open unet/config.json",
      "open unet/diffusion_pytorch_model.safetensors",
    ]);
  });

  test("opens a folder, and a single file with its YAML, from memory", async () => {
    const tokenizer = copiedFiles(VOCABULARY);
    await tokenizer.write("vocab.json", [new TextEncoder().encode(JSON.stringify(LETTERS))]);
    await tokenizer.write("merges.txt", [new TextEncoder().encode("#version: 0.2\n")]);
    expect(await openModel({ path: copiedFiles(DDPM), tokenizer })).toMatchObject({ kind: "unconditional-image" });
    const source = (name: string) => memorySource(readFileSync(fixturePath(name)), name);
    const single = { path: source("original/single/model.safetensors"), tokenizer };
    const { kind, model } = await openModel(single);
    expect([kind, (model as StableDiffusionModel).folder]).toEqual([
      "text-to-image",
      "original/single/model.safetensors",
    ]);
    const ldm = { path: source("original/ldm/model.ckpt"), config: source("original/ldm/config.yaml"), tokenizer };
    expect(await openModel(ldm)).toMatchObject({ kind: "class-to-image", model: { path: "original/ldm/model.ckpt" } });
  });

  test("refuses pipelines that nobody here stands for, by name", async () => {
    const path = memoryFiles({ "model_index.json": '{"_class_name": "FluxPipeline"}' }, "flux");
    await expect(openModel({ path, tokenizer: VOCABULARY })).rejects.toThrow(
      /^Cannot open "flux": it is a FluxPipeline, one of StableDiffusionPipeline, .*DDIMPipeline is required$/,
    );
  });

  test("says that there is nothing at a path", async () => {
    await expect(openModel({ path: "/no/where", tokenizer: VOCABULARY })).rejects.toThrow(
      'Cannot open the model "/no/where": there is no such file or folder',
    );
  });
});

describe("a model in memory", () => {
  test("is the same as on disk", async () => {
    const [disk, memory] = [await openStableDiffusion(SD15), await openStableDiffusion(copiedFiles(SD15))];
    expect(memory.folder).toBe("copy");
    expect(await described(memory)).toEqual(await described(disk));
    const [first, second] = [await openUnconditional(DDPM), await openUnconditional(copiedFiles(DDPM))];
    expect(second.scheduler).toEqual(first.scheduler);
    expect(await contents(second.unet.weights)).toEqual(await contents(first.unet.weights));
  });

  test.each([{ lowMemory: false }, { lowMemory: true }])(
    "gives the latents of the one on disk, bit for bit, with %j",
    async (options) => {
      const generate = async (folder: string | Files) => {
        await using pipeline = textToImage(await openStableDiffusion(folder), { runtime: nodeRuntime(options) });
        const cache = { kind: "uniform", interval: 2, branch: 0 } as const;
        return await pipeline.generate({ prompt: "a red fox", steps: 4, seed: 1, cache });
      };
      const [disk, memory] = [await generate(SD15), await generate(copiedFiles(SD15))];
      expect(memory.latents).toEqual(disk.latents);
      expect(memory.images).toEqual(disk.images);
    },
  );

  test("is called by its name where a file of it is missing or broken", async () => {
    const files = copiedFiles(SD15);
    await files.remove("unet/config.json");
    await expect(openStableDiffusion(files)).rejects.toThrow(
      'Cannot read the component "copy/unet": it has no config.json',
    );
    await files.write("unet/config.json", [new TextEncoder().encode("{")]);
    await expect(openStableDiffusion(files)).rejects.toThrow('Cannot read "copy/unet/config.json": it is not JSON');
  });
});
