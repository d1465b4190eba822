import { branchFor, type LoadedUNet, loadUNet } from "../../denoisers/unet-run.ts";
import { samplesToImages } from "../../image/samples.ts";
import { skipCount, unet } from "../../models/unet/unet.ts";
import type { UnconditionalModel } from "../../systems/unconditional.ts";
import { linearCombination } from "../../tensor/linear-combination.ts";
import { planRun } from "../run/choose-sampler.ts";
import { denoise } from "../run/denoise.ts";
import type { PipelineEvent } from "../run/events.ts";
import { phaseClock } from "../run/phase-clock.ts";
import { type Pipeline, type PipelineEffects, pipelineOf } from "../run/pipeline.ts";
import { seededNoise, seedsOf } from "../run/seeded-noise.ts";
import { type SessionSlot, sessionSlot } from "../run/session-slot.ts";
import { settleUnconditional, type UnconditionalOptions } from "./unconditional-options.ts";

/** Images out of noise alone. */
export type UnconditionalPipeline = Pipeline<UnconditionalOptions>;

/** Makes a pipeline of an opened model. */
export function unconditional(model: UnconditionalModel, effects: PipelineEffects): UnconditionalPipeline {
  const slot: SessionSlot<LoadedUNet> = sessionSlot();
  return pipelineOf((options, settled) => run(model, settled, slot, options), effects, [slot]);
}

async function* run(
  model: UnconditionalModel,
  { runtime, now, randomSeed, keepLoaded }: Required<PipelineEffects>,
  slot: SessionSlot<LoadedUNet>,
  asked: UnconditionalOptions,
): AsyncGenerator<PipelineEvent, void> {
  const { count, steps, chosen, seed, cache, previewEvery, signal } = settleUnconditional(asked, model, randomSeed);
  const full = planRun(cache, chosen);
  const { config, weights } = model.unet;
  const evaluations = chosen.sampler.timesteps.length;
  const branch = branchFor(cache, { full, evaluations, skips: skipCount(config), cutAt: asked.cutAt });
  signal?.throwIfAborted();
  const clock = phaseClock(now);

  yield clock.enter("load");
  const [height, width] = model.size;
  const network = await slot.get(JSON.stringify([count, branch]), () =>
    loadUNet(runtime, unet(config, { batch: count, height, width, hoist: branch }, weights), branch),
  );
  signal?.throwIfAborted();

  yield clock.enter("denoise");
  const noise = seededNoise(seed);
  const start = noise([count, config.inChannels, height, width]);
  const { latents, summary } = yield* denoise({
    sampler: chosen.sampler,
    network,
    full,
    conditioning: {},
    start: linearCombination([chosen.sampler.initialNoiseScale, start]),
    noise,
    signal,
    now,
    previewEvery,
    preview: async (clean) => samplesToImages(clean),
  });
  signal?.throwIfAborted();

  yield clock.enter("decode");
  if (!keepLoaded) await slot[Symbol.asyncDispose]();
  const images = samplesToImages(latents);
  const made = { ...summary, images, latents, ...seedsOf(seed), sampler: chosen.name, steps, policy: cache };
  yield { type: "result", result: { ...made, evaluations, seconds: clock.leave() } };
}
