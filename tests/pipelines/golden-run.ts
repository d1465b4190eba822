import { expect } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import type { CachePolicy } from "../../src/deepcache/policies.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { chooseSampler } from "../../src/pipelines/run/choose-sampler.ts";
import type { GenerationResult } from "../../src/pipelines/run/events.ts";
import type { TextToImageOptions } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { openStableDiffusion, type StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { type FixtureFile, fixturePath, row } from "../support/fixtures.ts";

interface Call {
  readonly height?: number;
  readonly width?: number;
  readonly num_inference_steps: number;
  readonly guidance_scale: number;
  readonly strength?: number;
}

/** The options of a stored run of the reference's pipelines. */
export function optionsOf(golden: FixtureFile): TextToImageOptions & { readonly image?: RgbImage | undefined } {
  const { metadata } = golden;
  const call = JSON.parse(metadata["call"] ?? "") as Call;
  const texts = JSON.parse(metadata["prompt"] ?? "") as { prompt: string; negative_prompt: string };
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
    strength: call.strength,
    image: golden.has("input.image") ? colors(golden.tensor("input.image")) : undefined,
    mask: golden.has("input.mask") ? greys(golden.tensor("input.mask")) : undefined,
    cache,
  };
}

/** Opens a stored model with the scheduler of a stored run. */
export async function modelFor(folder: string, { metadata }: FixtureFile): Promise<StableDiffusionModel> {
  const model = await openStableDiffusion(fixturePath(folder));
  return { ...model, scheduler: readSchedulerConfig(JSON.parse(metadata["scheduler"] ?? "")) };
}

/** The stored model with an inpainting U-Net in place of its own. */
export async function withInpaintingUNet(model: StableDiffusionModel): Promise<StableDiffusionModel> {
  const { config, weights } = await openComponent(fixturePath("models/unet-inpaint9"));
  return { ...model, sees: "inpainting", unet: { config: unetConfig(config), weights } };
}

const colors = ({ data, shape: [height = 0, width = 0] }: Tensor): RgbImage =>
  rgbImage(width, height, Uint8Array.from(data));

const greys = ({ data, shape: [height = 0, width = 0] }: Tensor): RgbImage =>
  rgbImage(
    width,
    height,
    Uint8Array.from({ length: 3 * data.length }, (_, i) => data[Math.floor(i / 3)]!),
  );

/** A runtime that notes what it loads and releases, and every sample that a U-Net is shown. */
export interface RecordingRuntime extends Runtime {
  readonly shown: Tensor[];
  /** Names of the graphs that are loaded and not released. */
  readonly held: string[];
  readonly loaded: string[];
}

export function recordingRuntime(inner: Runtime = nodeRuntime()): RecordingRuntime {
  const [shown, held, loaded]: [Tensor[], string[], string[]] = [[], [], []];
  return {
    device: inner.device,
    copies: inner.copies,
    shown,
    held,
    loaded,
    async load(graph, options) {
      const session = await inner.load(graph, options);
      loaded.push(graph.name);
      held.push(graph.name);
      return {
        run(inputs) {
          if (graph.inputs.has("sample")) shown.push(inputs["sample"] as Tensor); // one part of an evaluation has it
          return session.run(inputs);
        },
        async [Symbol.asyncDispose]() {
          held.splice(held.indexOf(graph.name), 1);
          await session[Symbol.asyncDispose]();
        },
      };
    },
  };
}

/**
 * Compares a run with a stored one: the latents after every step, which the U-Net is shown in the next one, and what
 * comes of them.
 */
export function expectGolden(
  { latents, images, full, evaluations }: GenerationResult,
  golden: FixtureFile,
  shown: readonly Tensor[],
  model: StableDiffusionModel,
): void {
  const steps = golden.tensor("latents");
  const count = steps.shape[0] ?? 0;
  expect(full).toEqual([...golden.tensor("full_steps").data]);
  expect(evaluations).toBe(count);
  expect(shown).toHaveLength(count);
  const { sampler } = chooseSampler(model.scheduler, { steps: optionsOf(golden).steps ?? 0 });
  for (let i = 1; i < count; i++) {
    const expected = row(steps, i - 1);
    const input = sampler.timesteps.length - count + i;
    const scale = "sigmas" in sampler ? 1 / Math.hypot((sampler.sigmas as readonly number[])[input]!, 1) : 1;
    const seen = { shape: expected.shape, data: shown[i]!.data.subarray(0, expected.data.length) };
    const scaled = { shape: expected.shape, data: expected.data.map((value) => value * scale) };
    expect(seen, `after step ${i - 1}`).toBeCloseTensor(scaled, PIPELINE_LATENTS);
  }
  expect(latents).toBeCloseTensor(row(steps, count - 1), PIPELINE_LATENTS);
  const pixels = golden.tensor("image.uint8").data;
  const bytes = images.flatMap(({ data }) => [...data]);
  expect(bytes).toHaveLength(pixels.length);
  const worst = pixels.reduce((most, pixel, i) => Math.max(most, Math.abs(pixel - (bytes[i] ?? 0))), 0);
  expect(worst, "levels of a pixel").toBeLessThanOrEqual(1);
}
