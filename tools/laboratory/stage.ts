import type { Conditioning } from "../../src/denoisers/evaluation.ts";
import { loadUNet } from "../../src/denoisers/unet-run.ts";
import type { SamplerName } from "../../src/diffusion/samplers.ts";
import type { RgbImage } from "../../src/image/rgb-image.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { decodeLatents, klLatentDecoder } from "../../src/pipelines/latents/latent-decoder.ts";
import { chooseSampler } from "../../src/pipelines/run/choose-sampler.ts";
import { seededNoise } from "../../src/pipelines/run/seeded-noise.ts";
import { sessionSlot } from "../../src/pipelines/run/session-slot.ts";
import { conditionerOf } from "../../src/pipelines/text-to-image/conditioner-of.ts";
import { settle } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Session } from "../../src/runtime/runtime.ts";
import { defaultModelFolder } from "../../src/systems/shipped.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import { concatenate } from "../../src/tensor/concatenate.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type Dampings, denoiserInHalves, type Halves, rowsOf } from "./halves.ts";

/** One picture to be made. */
export interface Subject {
  readonly prompt: string;
  readonly seed: number;
}

/** A schedule whose guidance is evaluated half by half. */
export interface Experiment {
  readonly sampler: SamplerName;
  readonly halves: Halves;
  readonly dampings: Dampings;
}

/** The embedded model under fixed conditions. */
export interface Stage extends AsyncDisposable {
  /** What a cached evaluation costs of a full one. */
  readonly ratio: number;
  /** The final latents of each picture. */
  run(subjects: readonly Subject[], experiment: Experiment): Promise<Tensor[]>;
  decode(latents: readonly Tensor[]): Promise<RgbImage[]>;
}

const GUIDANCE_SCALE = 4;

/** Opens the embedded model for `batch` pictures at a time, cut at `branch` and able to forecast. */
export async function openStage(batch: number, branch = 0): Promise<Stage> {
  const runtime = nodeRuntime();
  const model = await openStableDiffusion(defaultModelFolder());
  const [height = 64, width = 64] = model.unet.config.sampleSize ?? [];
  const channels = model.vae.config.latentChannels;
  const shape = [batch, channels, height, width];
  const known = new Map<string, Tensor>();
  /** [2, …] of a prompt: without it and with it. */
  const conditionOf = async ({ prompt }: Subject): Promise<Tensor> => {
    const found = known.get(prompt);
    if (found !== undefined) return found;
    const settled = settle({ prompt, seed: 0, guidanceScale: GUIDANCE_SCALE }, model, () => 0);
    const { conditioning } = await conditionerOf(model).condition(runtime, { ...settled, guided: true });
    known.set(prompt, conditioning.encoder_hidden_states);
    return conditioning.encoder_hidden_states;
  };
  const [, contextLength = 1] = (await conditionOf({ prompt: "", seed: 0 })).shape;
  const network = await loadUNet(
    runtime,
    unet(model.unet.config, { batch, height, width, contextLength, hoist: branch }, model.unet.weights),
    { branch, forecast: true },
  );
  const { head, trunk, tail } = network.macs;
  const decoder = sessionSlot<Session>();

  async function runBatch(subjects: readonly Subject[], { sampler, halves, dampings }: Experiment): Promise<Tensor> {
    const steps = halves.with.length;
    const settled = settle(
      { prompt: subjects.map(({ prompt }) => prompt), seed: subjects.map(({ seed }) => seed), steps, sampler },
      model,
      () => 0,
    );
    const chosen = chooseSampler(model.scheduler, settled, { ...settled.defaults, latents: true }).sampler;
    const conditions: Tensor[] = [];
    for (const subject of subjects) conditions.push(await conditionOf(subject));
    const halfOf = (row: number): Conditioning => ({
      encoder_hidden_states: stacked(conditions.map((both) => rowsOf(both, row, 1))),
    });
    const noise = seededNoise(settled.seed);
    const { data } = noise(shape);
    const start = { data: data.map((value) => value * chosen.initialNoiseScale), shape };
    const conditioning = { without: halfOf(0), with: halfOf(1) };
    using denoiser = denoiserInHalves(network, conditioning, halves, dampings, GUIDANCE_SCALE);
    let latents: Tensor = start;
    for await (const { sample } of chosen.sample(denoiser, start, noise)) latents = sample;
    return latents;
  }

  return {
    ratio: (head + tail) / (head + trunk + tail),
    async run(subjects, experiment) {
      if (subjects.length % batch !== 0)
        throw new RangeError(`Cannot run ${subjects.length} pictures ${batch} by ${batch}`);
      const all: Tensor[] = [];
      for (let i = 0; i < subjects.length; i += batch) {
        const latents = await runBatch(subjects.slice(i, i + batch), experiment);
        for (let row = 0; row < batch; row++) all.push(rowsOf(latents, row, 1));
      }
      return all;
    },
    decode: (latents) => decodeLatents(runtime, klLatentDecoder(model), decoder, stacked(latents)),
    async [Symbol.asyncDispose]() {
      await network[Symbol.asyncDispose]();
      await decoder[Symbol.asyncDispose]();
    },
  };
}

function stacked([first, ...others]: readonly Tensor[]): Tensor {
  if (first === undefined) throw new RangeError("Cannot stack no tensors");
  return concatenate([first, ...others], 0);
}
