import { cachedShare } from "../../deepcache/cost.ts";
import { forecastFactors } from "../../deepcache/forecast.ts";
import { type CachePolicy, fullEvaluations } from "../../deepcache/policies.ts";
import { forGuidance } from "../../deepcache/shared-halves.ts";
import { policyForSpeedup } from "../../deepcache/speedup.ts";
import type { Conditioning, RunContext } from "../../denoisers/evaluation.ts";
import { branchFor, joinedSummaries, type LoadedUNet, loadUNet } from "../../denoisers/unet-run.ts";
import { drawsNoise } from "../../diffusion/draws-noise.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { samplesToImages } from "../../image/samples.ts";
import { type Controls, unweighted } from "../../models/control/control-network.ts";
import { skipCount, unet } from "../../models/unet/unet.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";
import type { Session } from "../../runtime/runtime.ts";
import { loadsUntil, worksUntil } from "../../runtime/until-aborted.ts";
import type { Network } from "../../systems/network.ts";
import { pause } from "../../tensor/in-turns.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { LaneOptions } from "../lanes.ts";
import { decodeLatents, type LatentDecoder } from "../latents/latent-decoder.ts";
import { planRun } from "./choose-sampler.ts";
import { type DenoiseOptions, denoise } from "./denoise.ts";
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
  /** Of the network that takes over. */
  readonly refiner: SessionSlot<LoadedUNet>;
  readonly decoder: SessionSlot<Session>;
  /** Of previews that another network than the decoder makes. */
  readonly preview: SessionSlot<Session>;
}

/** Slots with nothing in them. */
export const emptySlots = (): Slots => ({
  unet: sessionSlot(),
  refiner: sessionSlot(),
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
  /**
   * Several runs in place of one, each with the options of its lane: they take turns, evaluation by evaluation, where they can
   * share the network, so that their times can be compared; elsewhere one follows another.
   */
  readonly lanes?: readonly LaneOptions[] | undefined;
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
  const { sampler, begin, name, warnings: ofSampler = [], refinement } = stagesOf(task, settled);
  const { policy: cache, full, evaluations } = await planOf(task, settled);
  const factors = forecastFactors(cache, full, evaluations);
  for (const { config } of [task.unet, ...(refinement === undefined ? [] : [refinement.unet])]) {
    branchFor(cache, { full, evaluations, skips: skipCount(config), cutAt }); // refused before anything is loaded
  }
  signal?.throwIfAborted();
  const clock = phaseClock(now);

  yield clock.enter("encode");
  const encoding = worksUntil(runtime, signal);
  const { varying, settings, start, warnings = [], ...conditioned } = await task.condition(encoding, settled);
  const refined = await refinement?.condition(encoding);
  const messages = new Set([...ofSampler, ...ofAdapters, ...warnings, ...(refined?.warnings ?? [])]);
  for (const message of messages) yield { type: "warning", message };
  signal?.throwIfAborted();

  const shape = task.shape(settled);
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
  /** Loads the network of one part of the run, and walks its part of the schedule. */
  async function* stage({ unet: { config, weights }, identity, controls, slot, before, walk }: Stage) {
    const [begun, end = walk.sampler.timesteps.length] = [walk.begin ?? 0, walk.end];
    const own = full.flatMap((index) => (index >= before && index < before + end - begun ? [index - before] : []));
    const branch = branchFor(cache, { full: own, evaluations: end - begun, skips: skipCount(config), cutAt });
    const size = { ...sizeOf(shape, walk.conditioning), hoist: branch };
    const line = factors?.slice(before) ?? (forecasting ? COPIES : undefined);
    const cutAs = { branch, forecast: line !== undefined };
    yield clock.enter("load");
    const guided = walk.guidance !== undefined;
    const key = JSON.stringify({ ...size, ...cutAs, guided, guess: controls?.guess, identity });
    const network = await slot.get(key, async () => {
      await pause(); // after the noise has been drawn
      const both = unet(config, size, weights, controls);
      return loadUNet(loadsUntil(runtime, signal), guided ? forGuidance(both) : both, cutAs);
    });
    signal?.throwIfAborted();
    yield clock.enter("denoise");
    const done = yield* denoise({
      ...walk,
      network,
      plan: { full: new Set(own), factors: line },
      noise,
      within: { before, evaluations },
      observeTrunk,
      signal,
      now,
      previewEvery,
      preview: { kind: previewer.kind, images: previewOf },
    });
    signal?.throwIfAborted();
    if (!keepLoaded) await slot[Symbol.asyncDispose]();
    return done;
  }

  const first = yield* stage({
    ...{ unet: task.unet, identity: unetIdentity, controls: task.controls?.(settled), slot: slots.unet, before: 0 },
    walk: {
      ...conditioned,
      ...{ sampler, begin, end: refinement?.end },
      varying: varying && ((evaluation) => varying(evaluation, (refinement?.end ?? sampler.timesteps.length) - begin)),
      ...start({ sampler, begin, shape, noise, draws: typeof seed === "number" ? 1 : seed.length }),
    },
  });
  let { latents, summary } = first;
  if (refinement !== undefined && refined !== undefined) {
    const before = refinement.end - begin;
    const { conditioning, guidance } = refined;
    const second = yield* stage({
      ...{ unet: refinement.unet, slot: slots.refiner, before },
      walk: { sampler: refinement.sampler, begin: refinement.begin, start: latents, conditioning, guidance },
    });
    ({ latents } = second);
    summary = joinedSummaries(summary, second.summary, before);
  }

  yield clock.enter("decode");
  const images = latentsOnly ? [] : await decodeBy(decoder, slots.decoder, latents);
  const made = { ...summary, images, latents, ...seedsOf(seed), sampler: name, steps, policy: cache, evaluations };
  yield { type: "result", result: { ...made, ...settings, seconds: clock.leave() } };
}

/** One part of a run: a network, and its part of the schedule. */
interface Stage {
  readonly unet: Network<UNetConfig>;
  /** Tells it from the same network with other adapters. */
  readonly identity?: string | undefined;
  readonly controls?: Controls | undefined;
  readonly slot: SessionSlot<LoadedUNet>;
  /** Evaluations of the run before. */
  readonly before: number;
  readonly walk: Pick<
    DenoiseOptions,
    "sampler" | "begin" | "end" | "conditioning" | "varying" | "guidance" | "start" | "channels" | "revise"
  >;
}

/** The sampler of a run, and the network that takes over. */
function stagesOf<Options extends RunOptions, Settled extends SettledRun>(
  task: Task<Options, Settled>,
  settled: Settled,
) {
  const { begin = 0, ...chosen } = task.sampler(settled);
  return { ...chosen, begin, refinement: task.refinement?.(settled, { ...chosen, begin }) };
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
  /** Of the first network's schedule, one for each of its evaluations, from the first that is run. */
  readonly timesteps: readonly number[];
}

/** Whether a second network ends the run. */
export const isRefined = <Options extends RunOptions, Settled extends SettledRun>(
  task: Task<Options, Settled>,
  settled: Settled,
): boolean => stagesOf(task, settled).refinement !== undefined;

/** Plans a run; where a speed-up is asked for, this finds the policy. */
export async function planOf<Options extends RunOptions, Settled extends SettledRun>(
  task: Task<Options, Settled>,
  settled: Settled,
): Promise<PlannedRun> {
  const { speedup } = settled;
  const { begin, sampler, refinement } = stagesOf(task, settled);
  const before = (refinement?.end ?? sampler.timesteps.length) - begin;
  const evaluations = before + (refinement === undefined ? 0 : refinement.sampler.timesteps.length - refinement.begin);
  const policy =
    speedup === undefined
      ? settled.cache
      : policyForSpeedup(speedup, {
          evaluations,
          ratio: cachedRatio(task.unet.config, task.shape(settled), task.controls?.(settled)),
          noisy: await drawsNoise(sampler),
        });
  const timesteps = sampler.timesteps.slice(begin);
  if (refinement === undefined) return { policy, full: planRun(policy, { sampler }, begin), evaluations, timesteps };
  // The network that takes over has nothing of the first one to reuse.
  const full = new Set([...fullEvaluations(policy, evaluations), before]);
  return { policy, full: [...full].sort((a, b) => a - b), evaluations, timesteps };
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
