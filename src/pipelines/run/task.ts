import type { Conditioning } from "../../denoisers/evaluation.ts";
import type { GuidanceOptions } from "../../denoisers/guided.ts";
import type { NoiseSource, Sampler } from "../../diffusion/sampler.ts";
import type { Controls } from "../../models/control/control-network.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Network } from "../../systems/network.ts";
import type { LatentDecoder } from "../latents/latent-decoder.ts";
import type { Previewer } from "../latents/previews.ts";
import type { ChosenSampler } from "./choose-sampler.ts";
import type { DenoiseOptions } from "./denoise.ts";
import type { GenerationResult } from "./events.ts";
import type { RunOptions, SettledRun } from "./run-options.ts";

/** What one kind of model adds to a run; phases, plan, seeds, previews, loading and release are run.ts's. */
export interface Task<Options extends RunOptions, Settled extends SettledRun> {
  readonly unet: Network<UNetConfig>;
  /** What steers the U-Net in a run, in its graph; nothing where left out. */
  controls?(settled: Settled): Controls;
  /** Fills in defaults and refuses what the model cannot do. */
  settle(options: Options, randomSeed: () => number): Settled;
  /** The task with the adapters of a run; it has none where left out. */
  adapted?(settled: Settled): Promise<AdaptedTask<Options, Settled>>;
  /** The sampler of a run, and the evaluation of its schedule to begin with (default 0). */
  sampler(settled: Settled): ChosenSampler & { readonly begin?: number };
  /** [images, channels, height, width] of what is sampled. */
  shape(settled: Settled): readonly number[];
  /** What the network is told, encoded; the networks for it are loaded for the call and released. */
  condition(runtime: Runtime, settled: Settled): Promise<Conditioned>;
  /** The network that takes over within the schedule; none where left out, or where a run has none. */
  refinement?(settled: Settled, first: ChosenSampler & { readonly begin: number }): Refinement | undefined;
  /** Turns latents into images; none where samples are images already. */
  decoder(settled: Settled): LatentDecoder | undefined;
  /** Turns latents on their way into pictures; the decoder where left out. */
  previewer?(settled: Settled): Previewer;
}

/** A second network, which ends a run that the first one began. */
export interface Refinement {
  readonly unet: Network<UNetConfig>;
  /** The evaluation of the first network's schedule before which it takes over. */
  readonly end: number;
  readonly sampler: Sampler;
  /** The evaluation of its own schedule that it begins with. */
  readonly begin: number;
  condition(runtime: Runtime): Promise<Pick<Conditioned, "conditioning" | "guidance" | "warnings">>;
}

/** A task with adapters. */
export interface AdaptedTask<Options extends RunOptions, Settled extends SettledRun> {
  readonly task: Task<Options, Settled>;
  /** Tells its U-Net from the same one with other adapters; undefined where it is the model's own. */
  readonly unetIdentity: string | undefined;
  readonly warnings: readonly string[];
}

/** What a network is told over a run, and where the run starts. */
export interface Conditioned {
  readonly conditioning: Conditioning;
  /** Further inputs of each of `evaluations` evaluations, counted from 0. */
  readonly varying?: ((evaluation: number, evaluations: number) => Conditioning) | undefined;
  /** Classifier-free guidance, for which the conditioning holds the batch twice: without and with the condition. */
  readonly guidance?: GuidanceOptions | undefined;
  readonly start: Starter;
  /** Settings that the result names beside those of every run. */
  readonly settings?: Pick<GenerationResult, "guidanceScale" | "strength">;
  readonly warnings?: readonly string[];
}

/**
 * Draws the start of a run. Of an image, latents are drawn once for the whole batch, as in the reference, or once for
 * each image where each has a seed of its own, so that it is the image that is made alone.
 */
export type Starter = (options: StartOptions) => RunStart;

/** Where a run starts and what keeps it on its way. */
export type RunStart = Pick<DenoiseOptions, "start" | "channels" | "revise">;

/** What the start of a run depends on beside its source. */
export interface StartOptions {
  readonly sampler: Sampler;
  /** The evaluation of the schedule that the run begins with. */
  readonly begin: number;
  /** Of the samples: [images, channels, height, width]. */
  readonly shape: readonly number[];
  /** Drawn from in the order in which the reference draws. */
  readonly noise: NoiseSource;
  /** How many rows the noise has at a time: 1 for what all images share, or one for each image with a seed of its own. */
  readonly draws: number;
}
