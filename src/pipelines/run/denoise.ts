import type { Conditioning, Evaluation, RunContext } from "../../denoisers/evaluation.ts";
import { type GuidanceOptions, guidedDenoiser } from "../../denoisers/guided.ts";
import { type LoadedUNet, type RunPlan, type RunSummary, startDenoiser, summarize } from "../../denoisers/unet-run.ts";
import { widenedDenoiser } from "../../denoisers/widened.ts";
import { revisedRun } from "../../diffusion/revised-run.ts";
import type { NoiseSource, Sampler } from "../../diffusion/sampler.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { PreviewKind } from "../latents/previews.ts";
import type { PipelineEvent } from "./events.ts";

/** One walk down a schedule: what every pipeline has in common. */
export interface DenoiseOptions {
  readonly sampler: Sampler;
  readonly network: LoadedUNet;
  /** Counts evaluations from the first of this run. */
  readonly plan: RunPlan;
  readonly conditioning: Conditioning;
  /** Further inputs of each evaluation of this run, counted from 0. */
  readonly varying?: RunContext["varying"];
  /** Classifier-free guidance, for which the conditioning holds the batch twice: without and with the condition. */
  readonly guidance?: GuidanceOptions | undefined;
  /** The noisy sample to start from. */
  readonly start: Tensor;
  readonly noise: NoiseSource;
  /** The evaluation of the schedule to begin with. */
  readonly begin?: number;
  /** The evaluation of the schedule to stop before; its end where left out. */
  readonly end?: number | undefined;
  /** Evaluations of the run before these, and all of them, for what is told; where these are all, it is left out. */
  readonly within?: { readonly before: number; readonly evaluations: number } | undefined;
  /** What the network sees beside the sample, in channels of their own. */
  readonly channels?: Tensor | undefined;
  /** Replaces the sample after every evaluation of this run, counted from 0. */
  readonly revise?: ((sample: Tensor, evaluation: number) => Tensor) | undefined;
  readonly observeTrunk?: RunContext["observeTrunk"];
  readonly signal?: AbortSignal | undefined;
  readonly now: () => number;
  readonly previewEvery?: number | undefined;
  /** Makes images of a clean sample that is predicted on the way. */
  readonly preview?: {
    readonly kind: PreviewKind;
    images(clean: Tensor): Promise<readonly RgbImage[]>;
  };
}

/** Runs the sampler on the network, telling evaluations and previews; gives the final sample. */
export async function* denoise(
  options: DenoiseOptions,
): AsyncGenerator<PipelineEvent, { readonly latents: Tensor; readonly summary: RunSummary }> {
  const { sampler, network, conditioning, guidance, signal, now, start, noise, begin = 0, channels, revise } = options;
  const count = (options.end ?? sampler.timesteps.length) - begin;
  const { within = { before: 0, evaluations: count } } = options;
  const evaluations: Evaluation[] = [];
  using inner = startDenoiser(network, options.plan, {
    conditioning,
    varying: options.varying,
    observe: (evaluation) => evaluations.push(evaluation),
    observeTrunk: options.observeTrunk,
    signal,
    now,
  });
  const shared = network.rows === start.shape[0]; // what both halves of guidance have in common
  const guided = guidance === undefined ? inner : guidedDenoiser(inner, { ...guidance, shared });
  const denoiser = channels === undefined ? guided : widenedDenoiser(guided, channels);
  const run = sampler.sample(denoiser, start, noise, begin);
  let latents = start;
  for await (const step of revise === undefined ? run : revisedRun(run, revise)) {
    latents = step.sample;
    const done = evaluations.at(-1);
    if (done !== undefined) yield evaluationEvent(done, within);
    const { previewEvery, preview } = options;
    if (
      previewEvery !== undefined &&
      preview !== undefined &&
      (within.before + evaluations.length) % previewEvery === 0
    ) {
      const images = await preview.images(step.denoised ?? latents);
      yield { type: "preview", evaluation: within.before + evaluations.length - 1, kind: preview.kind, images };
    }
    if (evaluations.length === count) break; // where another network goes on
  }
  return { latents, summary: summarize(evaluations, network.macs) };
}

function evaluationEvent(
  { index, timestep, full, seconds }: Evaluation,
  { before, evaluations }: NonNullable<DenoiseOptions["within"]>,
): PipelineEvent {
  const total = Object.values(seconds).reduce((sum, value) => sum + value, 0);
  return { type: "evaluation", evaluation: before + index, evaluations, timestep, full, seconds: total };
}
