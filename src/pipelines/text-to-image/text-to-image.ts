import { branchFor, type LoadedUNet, loadUNet } from "../../denoisers/unet-run.ts";
import { reduction } from "../../models/autoencoder/image-coder.ts";
import { skipCount, unet } from "../../models/unet/unet.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { decodeLatents, klLatentDecoder } from "../latents/latent-decoder.ts";
import { chooseSampler, LATENT_SETTINGS, planRun, SDXL_SETTINGS } from "../run/choose-sampler.ts";
import { denoise } from "../run/denoise.ts";
import type { PipelineEvent } from "../run/events.ts";
import { phaseClock } from "../run/phase-clock.ts";
import { type Pipeline, type PipelineEffects, pipelineOf } from "../run/pipeline.ts";
import { seededNoise, seedsOf } from "../run/seeded-noise.ts";
import { type SessionSlot, sessionSlot } from "../run/session-slot.ts";
import { conditionerOf } from "./conditioner-of.ts";
import { guidanceEmbedding } from "./guidance-embedding.ts";
import { beginOf } from "./image-source.ts";
import { prepareStart } from "./run-start.ts";
import { type SettledOptions, settle, type TextToImageOptions } from "./text-to-image-options.ts";

/** Images from prompts with one model, alone, from an image or within one. */
export type TextToImagePipeline = Pipeline<TextToImageOptions>;

/** Makes a pipeline of an opened model. */
export function textToImage(model: StableDiffusionModel, effects: PipelineEffects): TextToImagePipeline {
  const slots: Slots = { unet: sessionSlot(), decoder: sessionSlot() };
  return pipelineOf((options, settled) => run(model, settled, slots, options), effects, Object.values(slots));
}

interface Slots {
  readonly unet: SessionSlot<LoadedUNet>;
  readonly decoder: SessionSlot<Session>;
}

async function* run(
  model: StableDiffusionModel,
  { runtime, now, randomSeed, keepLoaded }: Required<PipelineEffects>,
  slots: Slots,
  asked: TextToImageOptions,
): AsyncGenerator<PipelineEvent, void> {
  const options = settle(asked, model, randomSeed);
  const { signal, steps, cache, seed } = options;
  const chosen = chooseSampler(model.scheduler, options, model.second === undefined ? LATENT_SETTINGS : SDXL_SETTINGS);
  const begin = beginOf(options.source, chosen.sampler, steps);
  const full = planRun(cache, chosen, begin);
  const evaluations = chosen.sampler.timesteps.length - begin;
  const branch = branchFor(cache, { full, evaluations, skips: skipCount(model.unet.config), cutAt: asked.cutAt });
  signal?.throwIfAborted();
  const clock = phaseClock(now);

  yield clock.enter("encode");
  const { timeConditionWidth } = model.unet.config;
  // A U-Net into which guidance was distilled is told of its scale instead of being run twice.
  const guided = options.guidanceScale > 1 && timeConditionWidth === undefined;
  const { conditioning: text, warnings } = await conditionerOf(model).condition(runtime, { ...options, guided });
  const conditioning =
    timeConditionWidth === undefined
      ? text
      : {
          ...text,
          timestep_cond: guidanceEmbedding(options.guidanceScale, timeConditionWidth, options.prompts.length),
        };
  for (const message of warnings) yield { type: "warning", message };
  signal?.throwIfAborted();
  const startRun = await prepareStart(runtime, model, options.source, options.vaeTiling);
  signal?.throwIfAborted();

  yield clock.enter("load");
  const loaded = await loadFor(runtime, model, slots.unet, options, conditioning.encoder_hidden_states, branch);
  signal?.throwIfAborted();

  yield clock.enter("denoise");
  const noise = seededNoise(seed);
  const shape = [options.prompts.length, model.vae.config.latentChannels, ...latentSize(model, options)];
  const decode = async (latents: Tensor) => {
    const images = await decodeLatents(runtime, klLatentDecoder(model.vae, options.vaeTiling), slots.decoder, latents);
    if (!keepLoaded) await slots.decoder[Symbol.asyncDispose]();
    return images;
  };
  const { latents, summary } = yield* denoise({
    sampler: chosen.sampler,
    network: loaded,
    full,
    conditioning,
    guidance: guided ? { scale: options.guidanceScale, rescale: options.guidanceRescale } : undefined,
    ...startRun({ sampler: chosen.sampler, begin, shape, noise }),
    noise,
    begin,
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
  const { guidanceScale } = options;
  yield { type: "result", result: { ...made, guidanceScale, evaluations, seconds: clock.leave() } };
}

async function loadFor(
  runtime: Runtime,
  model: StableDiffusionModel,
  slot: SessionSlot<LoadedUNet>,
  options: SettledOptions,
  context: Tensor,
  branch: number | undefined,
): Promise<LoadedUNet> {
  const [batch = 1, contextLength = 77] = context.shape;
  const [height, width] = latentSize(model, options);
  const { config, weights } = model.unet;
  return slot.get(JSON.stringify([batch, contextLength, height, width, branch]), () =>
    loadUNet(runtime, unet(config, { batch, height, width, contextLength, hoist: branch }, weights), branch),
  );
}

function latentSize(
  { vae }: Pick<StableDiffusionModel, "vae">,
  { height, width }: Pick<SettledOptions, "height" | "width">,
): [height: number, width: number] {
  const factor = reduction(vae.config);
  return [height / factor, width / factor];
}
