import { branchFor, type LoadedUNet, loadUNet } from "../denoisers/unet-run.ts";
import { skipCount, unet } from "../models/unet.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import { torchGenerator } from "../tensor/torch-generator.ts";
import { planRun } from "./choose-sampler.ts";
import { type ClassConditionalOptions, settleClassConditional } from "./class-conditional-options.ts";
import { denoise } from "./denoise.ts";
import type { GenerationResult, PipelineEvent } from "./events.ts";
import type { LatentDiffusionModel } from "./latent-diffusion-model.ts";
import { latentDiffusionSampler } from "./latent-diffusion-sampler.ts";
import { phaseClock } from "./phase-clock.ts";
import { type SessionSlot, sessionSlot } from "./session-slot.ts";
import type { PipelineEffects } from "./text-to-image.ts";
import { decodeVqLatents } from "./vq-latent-decoder.ts";

/** Images of classes with one model; sessions stay loaded from run to run where the batch stays the same. */
export interface ClassConditionalPipeline extends AsyncDisposable {
  /** Runs once, telling what happens; leaving the loop stops the run. */
  stream(options: ClassConditionalOptions): AsyncGenerator<PipelineEvent, void>;
  /** Runs once to the end. */
  generate(options: ClassConditionalOptions): Promise<GenerationResult>;
}

/** Makes a pipeline of an opened model. */
export function classConditional(model: LatentDiffusionModel, effects: PipelineEffects): ClassConditionalPipeline {
  const slots: Slots = { unet: sessionSlot(), decoder: sessionSlot() };
  const settled: Required<PipelineEffects> = {
    now: () => performance.now(),
    randomSeed: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    ...effects,
  };
  const stream = (options: ClassConditionalOptions): AsyncGenerator<PipelineEvent, void> =>
    run(model, settled, slots, options);
  return {
    stream,
    async generate(options) {
      for await (const event of stream(options)) if (event.type === "result") return event.result;
      throw new Error("The run ended without a result");
    },
    async [Symbol.asyncDispose]() {
      await slots.unet[Symbol.asyncDispose]();
      await slots.decoder[Symbol.asyncDispose]();
    },
  };
}

interface Slots {
  readonly unet: SessionSlot<LoadedUNet>;
  readonly decoder: SessionSlot<Session>;
}

async function* run(
  model: LatentDiffusionModel,
  { runtime, now, randomSeed }: Required<PipelineEffects>,
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
  const generator = torchGenerator(seed);
  const start = options.latents ?? generator.randn([classes.length, ...model.latentShape]);
  const { latents, summary } = yield* denoise({
    sampler: chosen.sampler,
    network: loaded,
    full,
    conditioning: { encoder_hidden_states: context },
    guidance: guided ? { scale: guidanceScale } : undefined,
    start,
    noise: generator.randn,
    signal,
    now,
    previewEvery: options.previewEvery,
    preview: (clean) => decodeVqLatents(runtime, model.firstStage, slots.decoder, clean),
  });
  signal?.throwIfAborted();

  yield clock.enter("decode");
  const images = await decodeVqLatents(runtime, model.firstStage, slots.decoder, latents);
  const result: GenerationResult = {
    images,
    latents,
    seed,
    sampler: chosen.name,
    steps,
    evaluations: chosen.sampler.timesteps.length,
    policy: cache,
    ...summary,
    seconds: clock.leave(),
  };
  yield { type: "result", result };
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
