import { branchFor, type LoadedUNet, loadUNet } from "../denoisers/unet-run.ts";
import { samplesToImages } from "../image/samples.ts";
import { skipCount, unet } from "../models/unet.ts";
import { linearCombination } from "../tensor/linear-combination.ts";
import { torchGenerator } from "../tensor/torch-generator.ts";
import { planRun } from "./choose-sampler.ts";
import { denoise } from "./denoise.ts";
import type { GenerationResult, PipelineEvent } from "./events.ts";
import { phaseClock } from "./phase-clock.ts";
import { type SessionSlot, sessionSlot } from "./session-slot.ts";
import type { PipelineEffects } from "./text-to-image.ts";
import type { UnconditionalModel } from "./unconditional-model.ts";
import { settleUnconditional, type UnconditionalOptions } from "./unconditional-options.ts";

/** Images out of noise alone; sessions stay loaded from run to run where count and branch stay the same. */
export interface UnconditionalPipeline extends AsyncDisposable {
  /** Runs once, telling what happens; leaving the loop stops the run. */
  stream(options: UnconditionalOptions): AsyncGenerator<PipelineEvent, void>;
  /** Runs once to the end. */
  generate(options: UnconditionalOptions): Promise<GenerationResult>;
}

/** Makes a pipeline of an opened model. */
export function unconditional(model: UnconditionalModel, effects: PipelineEffects): UnconditionalPipeline {
  const slot: SessionSlot<LoadedUNet> = sessionSlot();
  const settled: Required<PipelineEffects> = {
    now: () => performance.now(),
    randomSeed: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    ...effects,
  };
  const stream = (options: UnconditionalOptions): AsyncGenerator<PipelineEvent, void> =>
    run(model, settled, slot, options);
  return {
    stream,
    async generate(options) {
      for await (const event of stream(options)) if (event.type === "result") return event.result;
      throw new Error("The run ended without a result");
    },
    [Symbol.asyncDispose]: () => slot[Symbol.asyncDispose](),
  };
}

async function* run(
  model: UnconditionalModel,
  { runtime, now, randomSeed }: Required<PipelineEffects>,
  slot: SessionSlot<LoadedUNet>,
  asked: UnconditionalOptions,
): AsyncGenerator<PipelineEvent, void> {
  const { count, steps, chosen, seed, cache, previewEvery, signal } = settleUnconditional(asked, model, randomSeed);
  const full = planRun(cache, chosen);
  signal?.throwIfAborted();
  const clock = phaseClock(now);

  yield clock.enter("load");
  const { config, weights } = model.unet;
  const [height, width] = model.size;
  const evaluations = chosen.sampler.timesteps.length;
  const branch = branchFor(cache, { full, evaluations, skips: skipCount(config), cutAt: asked.cutAt });
  const network = await slot.get(JSON.stringify([count, branch]), () =>
    loadUNet(runtime, unet(config, { batch: count, height, width, hoist: branch }, weights), branch),
  );
  signal?.throwIfAborted();

  yield clock.enter("denoise");
  const generator = torchGenerator(seed);
  const noise = generator.randn([count, config.inChannels, height, width]);
  const { latents, summary } = yield* denoise({
    sampler: chosen.sampler,
    network,
    full,
    conditioning: {},
    start: linearCombination([chosen.sampler.initialNoiseScale, noise]),
    noise: generator.randn,
    signal,
    now,
    previewEvery,
    preview: async (clean) => samplesToImages(clean),
  });
  signal?.throwIfAborted();

  yield clock.enter("decode");
  const images = samplesToImages(latents);
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
