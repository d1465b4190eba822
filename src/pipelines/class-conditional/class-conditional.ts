import { branchFor, type LoadedUNet, loadUNet } from "../../denoisers/unet-run.ts";
import { skipCount, unet } from "../../models/unet/unet.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import type { LatentDiffusionModel } from "../../systems/latent-diffusion.ts";
import { elementCount, type Tensor } from "../../tensor/tensor.ts";
import { decodeLatents, vqLatentDecoder } from "../latents/latent-decoder.ts";
import { planRun } from "../run/choose-sampler.ts";
import { denoise } from "../run/denoise.ts";
import type { PipelineEvent } from "../run/events.ts";
import { phaseClock } from "../run/phase-clock.ts";
import { type Pipeline, type PipelineEffects, pipelineOf } from "../run/pipeline.ts";
import { seededNoise, seedsOf } from "../run/seeded-noise.ts";
import { type SessionSlot, sessionSlot } from "../run/session-slot.ts";
import { type ClassConditionalOptions, settleClassConditional } from "./class-conditional-options.ts";
import { latentDiffusionSampler } from "./latent-diffusion-sampler.ts";

/** Images of classes with one model. */
export type ClassConditionalPipeline = Pipeline<ClassConditionalOptions>;

/** Makes a pipeline of an opened model. */
export function classConditional(model: LatentDiffusionModel, effects: PipelineEffects): ClassConditionalPipeline {
  const slots: Slots = { unet: sessionSlot(), decoder: sessionSlot() };
  return pipelineOf((options, settled) => run(model, settled, slots, options), effects, Object.values(slots));
}

interface Slots {
  readonly unet: SessionSlot<LoadedUNet>;
  readonly decoder: SessionSlot<Session>;
}

async function* run(
  model: LatentDiffusionModel,
  { runtime, now, randomSeed, keepLoaded }: Required<PipelineEffects>,
  slots: Slots,
  asked: ClassConditionalOptions,
): AsyncGenerator<PipelineEvent, void> {
  const options = settleClassConditional(asked, model, randomSeed);
  const { classes, guidanceScale, signal, steps, cache, seed } = options;
  const chosen = latentDiffusionSampler(model.scheduler, options);
  const full = planRun(cache, chosen);
  const evaluations = chosen.sampler.timesteps.length;
  const branch = branchFor(cache, { full, evaluations, skips: skipCount(model.unet.config), cutAt: asked.cutAt });
  signal?.throwIfAborted();
  const clock = phaseClock(now);

  yield clock.enter("encode");
  const guided = guidanceScale > 1;
  const context = classContext(model.classEmbedding, classes, guided);

  yield clock.enter("load");
  const loaded = await loadFor(runtime, model, slots.unet, branch, context);
  signal?.throwIfAborted();

  yield clock.enter("denoise");
  const noise = seededNoise(seed);
  const start = options.latents ?? noise([classes.length, ...model.latentShape]);
  const decode = async (latents: Tensor) => {
    const images = await decodeLatents(runtime, vqLatentDecoder(model.firstStage), slots.decoder, latents);
    if (!keepLoaded) await slots.decoder[Symbol.asyncDispose]();
    return images;
  };
  const { latents, summary } = yield* denoise({
    sampler: chosen.sampler,
    network: loaded,
    full,
    conditioning: { encoder_hidden_states: context },
    guidance: guided ? { scale: guidanceScale } : undefined,
    start,
    noise,
    signal,
    now,
    previewEvery: options.previewEvery,
    preview: decode,
  });
  signal?.throwIfAborted();

  yield clock.enter("decode");
  if (!keepLoaded) await slots.unet[Symbol.asyncDispose]();
  const images = await decode(latents);
  const made = { ...summary, images, latents, ...seedsOf(seed), sampler: chosen.name, steps, policy: cache };
  yield { type: "result", result: { ...made, evaluations, seconds: clock.leave() } };
}

/** The U-Net's context [B, 1, width]: one token for each image, with guidance those of no class first. */
function classContext({ data, shape }: Tensor, classes: readonly number[], guided: boolean): Tensor {
  const [count = 1, width = 0] = shape;
  const unconditional = classes.map(() => count - 1);
  const rows = guided ? [...unconditional, ...classes] : classes;
  const context = new Float32Array(elementCount([rows.length, width]));
  rows.forEach((row, i) => {
    context.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return { data: context, shape: [rows.length, 1, width] };
}

async function loadFor(
  runtime: Runtime,
  { unet: { config, weights }, latentShape }: LatentDiffusionModel,
  slot: SessionSlot<LoadedUNet>,
  branch: number | undefined,
  context: Tensor,
): Promise<LoadedUNet> {
  const [batch = 1, contextLength = 1] = context.shape;
  const [, height, width] = latentShape;
  return slot.get(JSON.stringify([batch, branch]), () =>
    loadUNet(runtime, unet(config, { batch, height, width, contextLength, hoist: branch }, weights), branch),
  );
}
