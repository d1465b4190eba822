import { cachedShare } from "../../deepcache/cost.ts";
import { forecastFactors } from "../../deepcache/forecast.ts";
import type { CachePolicy } from "../../deepcache/policies.ts";
import { forGuidance } from "../../deepcache/shared-halves.ts";
import { policyForSpeedup } from "../../deepcache/speedup.ts";
import type { Conditioning, RunContext } from "../../denoisers/evaluation.ts";
import { branchFor, type LoadedUNet, loadUNet } from "../../denoisers/unet-run.ts";
import { drawsNoise } from "../../diffusion/draws-noise.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { samplesToImages } from "../../image/samples.ts";
import { type Controls, unweighted } from "../../models/control/control-network.ts";
import { skipCount, unet } from "../../models/unet/unet.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";
import type { Session } from "../../runtime/runtime.ts";
import { loadsUntil, worksUntil } from "../../runtime/until-aborted.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { decodeLatents, type LatentDecoder } from "../latents/latent-decoder.ts";
import { planRun } from "./choose-sampler.ts";
import { denoise } from "./denoise.ts";
import type { PipelineEffects } from "./effects.ts";
import type { PipelineEvent } from "./events.ts";
import { phaseClock } from "./phase-clock.ts";
import type { RunOptions, SettledRun } from "./run-options.ts";
import { seededNoise, seedsOf } from "./seeded-noise.ts";
import { type SessionSlot, sessionSlot } from "./session-slot.ts";
import type { AdaptedTask, Task } from "./task.ts";

/** What stays loaded from run to run. */
export interface Slots {
  readonly unet: SessionSlot<LoadedUNet>;
  readonly decoder: SessionSlot<Session>;
  /** Of previews that another network than the decoder makes. */
  readonly preview: SessionSlot<Session>;
}

/** Slots with nothing in them. */
export const emptySlots = (): Slots => ({
  unet: sessionSlot(),
  decoder: sessionSlot(),
  preview: sessionSlot(),
});

/** What commands that compare runs ask of one beside its options. */
export interface RunSettings {
  /**
   * Cut the network at this branch even where nothing is cached, so that runs with and without a cache share what is
   * loaded; such a run equals an uncut one within float32 rounding.
   */
  readonly cutAt?: number | undefined;
  /** Load a cut network so that it can forecast, even where this run does not. */
  readonly forecasting?: boolean | undefined;
  /** Make no images of the latents. */
  readonly latentsOnly?: boolean | undefined;
  readonly observeTrunk?: RunContext["observeTrunk"];
}

/** Factors of a run that copies in a network that could forecast: those that are missing count as 0. */
const COPIES: readonly number[] = [];

/** One run of `task`: everything that is asked of it comes from its options, everything else from the effects. */
export async function* run<Options extends RunOptions, Settled extends SettledRun>(
  base: Task<Options, Settled>,
  { runtime, now, randomSeed, keepLoaded }: Required<Omit<PipelineEffects, "queue">>,
  slots: Slots,
  asked: Options,
  { cutAt, forecasting = false, latentsOnly = false, observeTrunk }: RunSettings,
): AsyncGenerator<PipelineEvent, void> {
  const settled = base.settle(asked, randomSeed);
  const { task, unetIdentity, warnings: ofAdapters } = await adaptedTask(base, settled);
  const { signal, steps, seed, previewEvery } = settled;
  const { begin = 0, sampler, name, warnings: ofSampler = [] } = task.sampler(settled);
  const { policy: cache, full, evaluations } = await planOf(task, settled);
  const branch = branchFor(cache, { full, evaluations, skips: skipCount(task.unet.config), cutAt });
  const factors = forecastFactors(cache, full, evaluations) ?? (forecasting ? COPIES : undefined);
  signal?.throwIfAborted();
  const clock = phaseClock(now);

  yield clock.enter("encode");
  const {
    conditioning,
    varying,
    guidance,
    settings,
    start,
    warnings = [],
  } = await task.condition(worksUntil(runtime, signal), settled);
  for (const message of [...ofSampler, ...ofAdapters, ...warnings]) yield { type: "warning", message };
  signal?.throwIfAborted();

  yield clock.enter("load");
  const shape = task.shape(settled);
  const { config, weights } = task.unet;
  const size = { ...sizeOf(shape, conditioning), hoist: branch };
  const cutAs = { branch, forecast: factors !== undefined };
  const controls = task.controls?.(settled);
  const guided = guidance !== undefined;
  const key = JSON.stringify({ ...size, ...cutAs, guided, guess: controls?.guess, unetIdentity });
  const network = await slots.unet.get(key, () => {
    const both = unet(config, size, weights, controls);
    return loadUNet(loadsUntil(runtime, signal), guided ? forGuidance(both) : both, cutAs);
  });
  signal?.throwIfAborted();

  yield clock.enter("denoise");
  const noise = seededNoise(seed);
  const decoder = task.decoder(settled);
  const previewer = task.previewer?.(settled) ?? { kind: "full", decoder };
  const decodeBy = async (
    network: LatentDecoder | undefined,
    slot: SessionSlot<Session>,
    samples: Tensor,
  ): Promise<readonly RgbImage[]> => {
    if (network === undefined) return samplesToImages(samples);
    const images = await decodeLatents(runtime, network, slot, samples, signal);
    if (!keepLoaded) await slot[Symbol.asyncDispose]();
    return images;
  };
  const previewOf = async (samples: Tensor): Promise<readonly RgbImage[]> => {
    if (previewer.kind === "linear") return previewer.images(samples);
    const slot = previewer.decoder?.name === decoder?.name ? slots.decoder : slots.preview;
    return await decodeBy(previewer.decoder, slot, samples);
  };
  const { latents, summary } = yield* denoise({
    sampler,
    network,
    plan: { full: new Set(full), factors },
    conditioning,
    varying: varying && ((evaluation) => varying(evaluation, evaluations)),
    guidance: guidance && { ...guidance, shared: network.rows < size.batch },
    ...start({ sampler, begin, shape, noise, draws: typeof seed === "number" ? 1 : seed.length }),
    noise,
    begin,
    observeTrunk,
    signal,
    now,
    previewEvery,
    preview: { kind: previewer.kind, images: previewOf },
  });
  signal?.throwIfAborted();

  yield clock.enter("decode");
  if (!keepLoaded) await slots.unet[Symbol.asyncDispose]();
  const images = latentsOnly ? [] : await decodeBy(decoder, slots.decoder, latents);
  const made = { ...summary, images, latents, ...seedsOf(seed), sampler: name, steps, policy: cache, evaluations };
  yield { type: "result", result: { ...made, ...settings, seconds: clock.leave() } };
}

const adaptedTask = async <Options extends RunOptions, Settled extends SettledRun>(
  task: Task<Options, Settled>,
  settled: Settled,
): Promise<AdaptedTask<Options, Settled>> =>
  (await task.adapted?.(settled)) ?? { task, unetIdentity: undefined, warnings: [] };

/** What a run is going to do, before anything is loaded. */
export interface PlannedRun {
  readonly policy: CachePolicy;
  /** The evaluations on which the whole network runs. */
  readonly full: readonly number[];
  readonly evaluations: number;
}

/** Plans a run; where a speed-up is asked for, this finds the policy. */
export async function planOf<Options extends RunOptions, Settled extends SettledRun>(
  task: Task<Options, Settled>,
  settled: Settled,
): Promise<PlannedRun> {
  const { speedup } = settled;
  const { begin = 0, sampler } = task.sampler(settled);
  const evaluations = sampler.timesteps.length - begin;
  const policy =
    speedup === undefined
      ? settled.cache
      : policyForSpeedup(speedup, {
          evaluations,
          ratio: cachedRatio(task.unet.config, task.shape(settled), task.controls?.(settled)),
          noisy: await drawsNoise(sampler),
        });
  return { policy, full: planRun(policy, { sampler }, begin), evaluations };
}

/** What a cached evaluation at branch 0 takes of a full one, in operations; what runs once per run is in neither. */
function cachedRatio(
  config: UNetConfig,
  [, , height = 1, width = 1]: readonly number[],
  { networks = [] }: Partial<Controls> = {},
): number {
  // Operations are counted for one row, of which there is no half to guess for.
  const size = { batch: 1, height, width, hoist: 0 };
  return cachedShare(unet(config, size, undefined, { networks: networks.map(unweighted) }), 0);
}

/** What a network is built for: a row for each that it is told of, two for every image where a run is guided. */
function sizeOf(
  [images = 1, , height = 1, width = 1]: readonly number[],
  { encoder_hidden_states: context }: Conditioning,
): { batch: number; height: number; width: number; contextLength?: number } {
  if (context === undefined) return { batch: images, height, width };
  const [batch = images, contextLength = 1] = context.shape;
  return { batch, height, width, contextLength };
}
