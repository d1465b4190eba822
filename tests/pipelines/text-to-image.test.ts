import { readdirSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { CachePolicy } from "../../src/deepcache/policies.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import type { PipelineEvent } from "../../src/pipelines/run/events.ts";
import { type TextToImagePipeline, textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import type { TextToImageOptions } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openStableDiffusion, type StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import { NETWORK_CALL, PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { type FixtureFile, fixturePath, readFixture, row } from "../support/fixtures.ts";

const FOLDER = "pipelines/sd15/model";
const CASES = readdirSync(fixturePath("pipelines/sd15")).filter((name) => name.startsWith("txt2img"));

interface Call {
  readonly height: number;
  readonly width: number;
  readonly num_inference_steps: number;
  readonly guidance_scale: number;
  readonly num_images_per_prompt?: number;
  readonly guidance_rescale?: number;
}

function optionsOf({ metadata }: FixtureFile): TextToImageOptions {
  const call = JSON.parse(metadata["call"] ?? "") as Call;
  const texts = JSON.parse(metadata["prompt"] ?? "") as {
    prompt: string | string[];
    negative_prompt?: string | string[];
  };
  const [interval, branch] = JSON.parse(metadata["helper"] ?? "[]") as number[];
  const cache: CachePolicy =
    interval === undefined || branch === undefined ? { kind: "off" } : { kind: "uniform", interval, branch };
  return {
    prompt: texts.prompt,
    negativePrompt: texts.negative_prompt,
    seed: Number(metadata["seed"]),
    steps: call.num_inference_steps,
    height: call.height,
    width: call.width,
    guidanceScale: call.guidance_scale,
    guidanceRescale: call.guidance_rescale,
    count: call.num_images_per_prompt,
    cache,
  };
}

async function modelFor(golden: FixtureFile): Promise<StableDiffusionModel> {
  const model = await openStableDiffusion(fixturePath(FOLDER));
  return { ...model, scheduler: readSchedulerConfig(JSON.parse(golden.metadata["scheduler"] ?? "")) };
}

describe.each(CASES)("%s", (file) => {
  const golden = readFixture(`pipelines/sd15/${file}`);

  test("gives the reference's latents and image", async () => {
    await using pipeline = textToImage(await modelFor(golden), { runtime: nodeRuntime() });
    const { latents, images, full } = await pipeline.generate(optionsOf(golden));
    const steps = golden.tensor("latents");
    expect(full).toEqual([...golden.tensor("full_steps").data]);
    expect(latents).toBeCloseTensor(row(steps, (steps.shape[0] ?? 1) - 1), PIPELINE_LATENTS);
    const expected = golden.tensor("image.uint8");
    images.forEach((image, i) => {
      const pixels = row(expected, i).data;
      const worst = pixels.reduce((most, pixel, j) => Math.max(most, Math.abs(pixel - (image.data[j] ?? 0))), 0);
      expect(image.data).toHaveLength(pixels.length);
      expect(worst, `image ${i}`).toBeLessThanOrEqual(1);
    });
  });
});

describe("a pipeline", () => {
  const pipelines: TextToImagePipeline[] = [];
  afterAll(async () => {
    for (const pipeline of pipelines) await pipeline[Symbol.asyncDispose]();
  });
  const open = async (): Promise<TextToImagePipeline> => {
    const pipeline = textToImage(await openStableDiffusion(fixturePath(FOLDER)), { runtime: nodeRuntime() });
    pipelines.push(pipeline);
    return pipeline;
  };
  const base: TextToImageOptions = { prompt: "a red car", steps: 4, width: 64, height: 64, seed: 5, sampler: "ddim" };
  const cache: CachePolicy = { kind: "uniform", interval: 2, branch: 1 };

  test("gives the same image for the same options, whatever ran before", async () => {
    const pipeline = await open();
    const first = await pipeline.generate({ ...base, cache });
    await pipeline.generate({ ...base, cache, prompt: "something else", seed: 6 });
    await pipeline.generate({ ...base, cache, steps: 3, width: 72, count: 2 });
    const again = await pipeline.generate({ ...base, cache });
    expect(again.latents).toEqual(first.latents);
    expect(again.images).toEqual(first.images);
  });

  test("at interval 1 gives the uncached image bit for bit, and within rounding where it is cut all the same", async () => {
    const pipeline = await open();
    const whole = await pipeline.generate(base);
    const everyOne = await pipeline.generate({ ...base, cache: { kind: "uniform", interval: 1, branch: 0 } });
    expect(everyOne.full).toEqual(whole.full);
    expect(everyOne.latents).toEqual(whole.latents);
    expect(everyOne.fse).toBe(whole.fse);
    const parts = await pipeline.generate(base, { cutAt: 0 });
    expect(parts.latents).toBeCloseTensor(whole.latents, PIPELINE_LATENTS);
    expect(parts.macs.total).toBe(whole.macs.total);
    expect(parts.parts.head.runs).toBe(whole.evaluations);
    await expect(pipeline.generate({ ...base, cache: { kind: "uniform", interval: 1, branch: 12 } })).rejects.toThrow(
      "Cannot cut at branch 12: this network has branches 0 to 11",
    );
  });

  test("runs no unconditional half at a guidance scale of 1 and below, and means 0 as 0", async () => {
    const pipeline = await open();
    const guided = await pipeline.generate({ ...base, guidanceScale: 1.5 });
    const one = await pipeline.generate({ ...base, guidanceScale: 1 });
    const zero = await pipeline.generate({ ...base, guidanceScale: 0 });
    // Twice the batch, but for the time embedding, which the batch shares.
    expect(guided.macs.full / one.macs.full).toBeCloseTo(1.99609, 5);
    expect(zero.latents).toEqual(one.latents);
    expect(guided.latents).not.toEqual(one.latents);
  });

  test("takes seed 0 as a seed and draws one where none is given", async () => {
    const pipeline = await open();
    expect((await pipeline.generate({ ...base, seed: 0 })).seed).toBe(0);
    const drawn = await pipeline.generate({ ...base, seed: undefined });
    expect(await pipeline.generate({ ...base, seed: drawn.seed })).toMatchObject({ latents: drawn.latents });
  });

  test("gives the reference's prompt embeddings with layers skipped", async () => {
    const golden = readFixture("pipelines/sd15/txt2img-ddim.safetensors");
    const { encodePrompts } = await import("../../src/pipelines/text-to-image/prompt-encoder.ts");
    const model = await openStableDiffusion(fixturePath(FOLDER));
    const { prompt = "", negative_prompt: negative = "" } = JSON.parse(golden.metadata["prompt"] ?? "") as Record<
      string,
      string
    >;
    const encode = async (skip: number) =>
      (await encodePrompts(nodeRuntime(), model, [prompt, negative], { skip })).embeddings;
    const embeddings = await encode(0);
    const batchOfOne = (index: number) => ({ ...row(embeddings, index), shape: [1, ...embeddings.shape.slice(1)] });
    expect(batchOfOne(0)).toBeCloseTensor(golden.tensor("prompt_embeds"), NETWORK_CALL);
    expect(batchOfOne(1)).toBeCloseTensor(golden.tensor("negative_prompt_embeds"), NETWORK_CALL);
    const skipped = row(await encode(1), 0);
    expect({ ...skipped, shape: [1, ...skipped.shape] }).toBeCloseTensor(
      golden.tensor("prompt_embeds.clip_skip1"),
      NETWORK_CALL,
    );
    expect(model.tokenizer.encode(prompt).ids).toEqual([...golden.tensor("prompt_ids").data]);
    expect(model.tokenizer.encode(negative).ids).toEqual([...golden.tensor("negative_prompt_ids").data]);
  });

  test("tells phases, evaluations, previews and the result in order", async () => {
    const pipeline = await open();
    const events: PipelineEvent[] = [];
    const sampler = "pndm";
    for await (const event of pipeline.stream({ ...base, sampler, cache, previewEvery: 2 })) events.push(event);
    const told = events.map((event) => (event.type === "phase" ? event.phase : event.type));
    expect(told.filter((name) => name !== "evaluation" && name !== "preview")).toEqual([
      "encode",
      "load",
      "denoise",
      "decode",
      "result",
    ]);
    const evaluations = events.filter((event) => event.type === "evaluation");
    expect(evaluations.map(({ evaluation }) => evaluation)).toEqual([0, 1, 2, 3, 4]);
    expect(evaluations.map(({ full }) => full)).toEqual([true, false, true, false, false]);
    const previews = events.filter((event) => event.type === "preview");
    expect(previews.map(({ evaluation }) => evaluation)).toEqual([1, 3]);
    expect(previews[0]?.images[0]).toMatchObject({ width: 64, height: 64 });
  });

  test("stops at an abort and works again afterwards", async () => {
    const pipeline = await open();
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const event of pipeline.stream({ ...base, cache, signal: controller.signal })) {
        if (event.type !== "evaluation") continue;
        seen.push(event.evaluation);
        controller.abort();
      }
    };
    await expect(run()).rejects.toThrow(/abort/i);
    expect(seen).toEqual([0]);
    expect((await pipeline.generate({ ...base, cache })).evaluations).toBe(4);
  });

  test("warns about the part of a prompt that does not fit", async () => {
    const pipeline = await open();
    const warnings: string[] = [];
    for await (const event of pipeline.stream({ ...base, prompt: `${"red car ".repeat(60)}lighthouse` })) {
      if (event.type === "warning") warnings.push(event.message);
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("longer than 77 tokens");
    expect(warnings[0]).toContain("lighthouse");
  });

  test.each([
    [{ steps: 0 }, "steps 0: a whole number from 1"],
    [{ count: 0 }, "count 0: a whole number from 1"],
    [{ seed: -1 }, "seed -1: a whole number from 0"],
    [{ width: 60 }, "width 60: a positive multiple of 8"],
    [{ height: 0 }, "height 0: a positive multiple of 8"],
    [{ guidanceScale: Number.NaN }, "guidance scale NaN: a number is required"],
    [{ guidanceRescale: Number.NaN }, "guidance rescale NaN: a number is required"],
    [{ timesteps: "ays", steps: 20 }, "steps 20: the given timesteps or sigmas make 10"],
    [{ sigmas: [3, 1, 0], steps: 2, sampler: "ddim" }, "it takes no sigmas"],
    [
      { sizes: { originalSize: { width: 9 } as never } },
      'originalSize {"width":9}: positive numbers as width and height',
    ],
    [
      { sizes: { targetSize: { width: 0, height: 9 } } },
      'targetSize {"width":0,"height":9}: positive numbers as width',
    ],
    [{ clipSkip: 2 }, "clip skip 2: a whole number from 0 to 1"],
    [{ sampler: "magic" }, 'No sampler is called "magic"'],
    [{ cache: { kind: "uniform", interval: 0, branch: 0 } }, "interval"],
    [{ cache: { kind: "uniform", interval: 2, branch: 12 } }, "branches 0 to 11"],
    [{ cache: { kind: "listed", full: [0, 9], branch: 0 } }, "4 evaluations, 0 to 3"],
    [{ prompt: [] }, "without a prompt"],
    [{ prompt: "a \ud83e fox" }, 'the prompt "a \\ud83e fox": character 3 is half of a surrogate pair'],
    [{ negativePrompt: "\udd8a" }, "the negative prompt"],
    [{ prompt: ["a", "b"], negativePrompt: ["c"] }, "Cannot pair 1 negative prompts with 2 prompts"],
  ] satisfies [Partial<TextToImageOptions>, string][])("refuses %o", async (change, message) => {
    const pipeline = await open();
    await expect(pipeline.generate({ ...base, ...change })).rejects.toThrow(message);
  });
});
