import { nameOf } from "../checkpoint/files/place.ts";
import type { CachePolicy } from "../deepcache/policies.ts";
import { type AnyPipeline, anyPipeline } from "../pipelines/any-pipeline.ts";
import type { MemoryEstimate } from "../pipelines/estimate-memory.ts";
import type { GenerateRequest } from "../pipelines/generate-request.ts";
import type { Choice } from "../pipelines/presets.ts";
import type { GenerationResult, PipelineEvent } from "../pipelines/run/events.ts";
import type { Seed } from "../pipelines/run/seeded-noise.ts";
import { nodeRuntime } from "../runtime/node/node.ts";
import type { Precision } from "../runtime/precision.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { partPlaces } from "../systems/from-hub/places.ts";
import { type ModelLocation, modelName } from "../systems/model-location.ts";
import { isSmall } from "../systems/network.ts";
import { openModel } from "../systems/open-model.ts";
import { weightFolder } from "../systems/parts/weight-folder.ts";
import type { TunedPoint } from "../systems/recommended/profile.ts";
import { resolveWeights } from "../systems/resolve-model.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../systems/shipped.ts";
import type { ControlFlags } from "./flags/control-flags.ts";
import type { GenerationFlags, ModelFlags } from "./flags/generation-flags.ts";
import { UsageError } from "./flags/usage.ts";
import { type LikedPicture, likedPrecision, likedPrompts, withLiked } from "./generate/like.ts";
import { type Advice, given, requestOf, withRows } from "./request.ts";
import { settlePrecision } from "./settle-precision.ts";
import { cacheFolder } from "./terminal/cache-folder.ts";
import type { Terminal } from "./terminal/console.ts";
import { conversion } from "./terminal/conversion.ts";
import { terminalPlaces } from "./terminal/downloads.ts";

/** What may differ from run to run of one job. */
export interface JobRun {
  readonly cache: CachePolicy;
  /** One for the batch, or one for each image. */
  readonly seed: Seed;
  readonly steps?: number | undefined;
  /** Instead of the job's own. */
  readonly sampler?: string | undefined;
  /** The timesteps themselves, highest first. */
  readonly timesteps?: readonly number[] | undefined;
  /** Which of the job's rows are made; all where left out. */
  readonly rows?: readonly number[] | undefined;
  /** Images per row, or in all where there are no rows; the job's own where left out. */
  readonly count?: number | undefined;
  /** Where to cut the network even if nothing is cached. */
  readonly cutAt?: number | undefined;
}

/** What a command line asks to be made, whatever the kind of model. */
export interface Job extends AsyncDisposable {
  /** Of the model, for people. */
  readonly name: string;
  readonly conditioned: "prompt" | "class" | "nothing";
  /** Prompts or classes, one to a row of images; none for models that take no condition. */
  readonly rows: readonly string[];
  readonly unet: AnyPipeline["unet"];
  /** The setting of the model's profile that a preset or a speed-up comes to. */
  readonly tuned: TunedPoint | undefined;
  stream(run: JobRun): AsyncGenerator<PipelineEvent, void>;
  /** The policy that a preset or a speed-up comes to; nothing where the flags have neither. */
  chosenPolicy(): Promise<CachePolicy | undefined>;
  /** What a run of a batch with this cache policy will take in memory, before anything is loaded. */
  memory(cache: CachePolicy, images: number): MemoryEstimate;
  /** The text that image `index` of a result carries, which the run `made`. */
  parameters(
    result: GenerationResult,
    index: number,
    made?: Pick<JobRun, "rows" | "count">,
  ): Readonly<Record<string, string>>;
}

/** What a command knows beside its flags. */
export interface JobOptions {
  readonly advice?: Advice;
  /** A picture whose settings hold where the flags say nothing. */
  readonly liked?: LikedPicture | undefined;
}

const ADVICE: Advice = {
  prompt: 'give one, such as "a fox on a teal background"',
  class: "give --class, such as --class 207",
};

/** Opens the model and settles everything but cache and seed; flags that the model has no use for are refused. */
export async function openJob(
  prompts: readonly string[],
  flags: GenerationFlags,
  signal: AbortSignal,
  terminal: Terminal,
  { advice = ADVICE, liked }: JobOptions = {},
): Promise<Job> {
  const { lowMemory = false, keepLoaded: keep } = flags;
  const keepLoaded = keep && !lowMemory;
  const location = await locationOf(flags, signal, terminal);
  const opened = await openModel(location);
  const precision = (await settlePrecision(flags, signal, terminal)).precision ?? (liked && likedPrecision(liked));
  const runtime = runtimeOf({ ...flags, precision }, opened.model.unet);
  const pipeline = anyPipeline(opened, modelName(nameOf(location.path)), { runtime, keepLoaded });
  const choice = choiceOf(flags, pipeline);
  const chosen = withoutPreset(flags, choice);
  const settled = liked === undefined ? chosen : withLiked(chosen, liked, pipeline);
  const isRepeated = liked !== undefined && prompts.length === 0 && pipeline.conditioned === "prompt";
  const shown = isRepeated ? likedPrompts(liked) : prompts;
  const places = terminalPlaces(terminal, signal);
  const request = await requestOf(pipeline, shown, settled, { advice, signal, places });
  const made = ({ rows, count }: Pick<JobRun, "rows" | "count">): GenerateRequest => ({
    ...withRows(request, rows),
    ...given({ count }),
  });
  return {
    name: pipeline.name,
    conditioned: pipeline.conditioned,
    rows: pipeline.rows(request),
    stream: ({ rows, cutAt, ...run }) => pipeline.stream({ ...made({ rows }), ...given(run), signal }, { cutAt }),
    unet: pipeline.unet,
    tuned: choice?.tuned,
    async chosenPolicy() {
      const { cache, speedup } = choice ?? {};
      if (cache !== undefined || speedup === undefined) return cache;
      return (await pipeline.plan({ ...made({ rows: [0], count: 1 }), seed: 0, speedup })).policy;
    },
    memory: (cache, images) =>
      pipeline.memory(
        { ...made({ rows: [0], count: images }), cache },
        { lowMemory, keepLoaded, ...given({ convolutions: flags.convolutions }) },
      ),
    parameters: (result, index, run = {}) => pipeline.parameters(made(run), result, index),
    [Symbol.asyncDispose]: () => pipeline.dispose(),
  };
}

/** What a preset or a speed-up comes to. */
function choiceOf(flags: GenerationFlags, pipeline: AnyPipeline): Choice | undefined {
  const { preset, speedup, sampler, steps, timesteps, sigmas, image } = flags;
  try {
    return pipeline.choose({
      preset,
      speedup,
      sampler,
      steps,
      ...given({ timesteps, sigmas, image }),
    } as GenerateRequest);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function withoutPreset({ preset: _, ...flags }: GenerationFlags, choice: Choice = {}): GenerationFlags {
  const { sampler, steps, timesteps } = choice;
  return {
    ...flags,
    ...(sampler === undefined ? {} : { sampler }),
    ...(steps === undefined ? {} : { steps }),
    ...(timesteps === undefined ? {} : { timesteps: timesteps.join() }),
  };
}

/** Where the model lies that the flags name. */
export async function locationOf(
  flags: Partial<ModelFlags & ControlFlags>,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<ModelLocation> {
  const {
    model,
    config,
    variant,
    ema,
    tokenizer = defaultTokenizerFolder(),
    vae,
    tinyVae,
    refiner,
    controlnet,
  } = flags;
  const places = terminalPlaces(terminal, signal);
  const path = model === undefined ? defaultModelFolder() : await resolveWeights(model, places, { variant });
  const parts = await partPlaces({ vae, tinyVae, refiner, controlnet }, places);
  return { path, config, variant, ema, tokenizer, ...parts, ...conversion(terminal, signal) };
}

type RuntimeFlags = Pick<ModelFlags, "device" | "threads" | "lowMemory" | "convolutions"> & {
  readonly precision?: Precision | undefined;
};

/**
 * What runs are made on. A small network holds a command up for some milliseconds at a time, which nobody sees, so that it
 * runs on the command's own thread.
 */
export function runtimeOf(
  { device, threads, lowMemory, convolutions, precision }: RuntimeFlags,
  unet?: AnyPipeline["unet"],
): Runtime {
  return nodeRuntime({
    device,
    ...(unet !== undefined && device === "cpu" && isSmall(unet) ? { thread: "caller" } : {}),
    ...(threads === undefined ? {} : { threads }),
    ...(convolutions === undefined ? {} : { convolutions }),
    ...(precision === undefined ? {} : { precision, keepWeights: { folder: weightFolder(cacheFolder()) } }),
    // Elsewhere than on the CPU it is about which networks are loaded and how pictures are decoded.
    ...(lowMemory === undefined || device !== "cpu" ? {} : { lowMemory }),
  });
}
