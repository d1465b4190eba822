import type { CachePolicy } from "../deepcache/policies.ts";

import { isSamplerName } from "../diffusion/samplers.ts";
import { readImageInput } from "../image/read-image.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { type AnyPipeline, anyPipeline, type GenerateRequest, type OptionName } from "../pipelines/any-pipeline.ts";
import type { MemoryEstimate } from "../pipelines/estimate-memory.ts";
import type { GenerationResult, PipelineEvent } from "../pipelines/run/events.ts";
import type { Seed } from "../pipelines/run/seeded-noise.ts";
import { nodeRuntime } from "../runtime/node/node.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type ModelLocation, modelName } from "../systems/model-location.ts";
import { openModel } from "../systems/open-model.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../systems/shipped.ts";
import type { GenerationFlags, ModelFlags } from "./flags/generation-flags.ts";
import { UsageError } from "./flags/usage.ts";
import type { Terminal } from "./terminal/console.ts";
import { conversion } from "./terminal/conversion.ts";

/** What may differ from run to run of one job. */
export interface JobRun {
  readonly cache: CachePolicy;
  /** One for the batch, or one for each image. */
  readonly seed: Seed;
  readonly steps?: number | undefined;
  /** Instead of the job's own. */
  readonly sampler?: string | undefined;
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
  stream(run: JobRun): AsyncGenerator<PipelineEvent, void>;
  /** What a run with this cache policy will take in memory, before anything is loaded. */
  memory(cache: CachePolicy): MemoryEstimate;
  /** The text that image `index` of a result carries; `rows` are those that the run made. */
  parameters(result: GenerationResult, index: number, rows?: readonly number[]): Readonly<Record<string, string>>;
}

/** What to give where nothing says what images show. */
export type Advice = Readonly<Record<"prompt" | "class", string>>;

/** Opens the model and settles everything but cache and seed; flags that the model has no use for are refused. */
export async function openJob(
  prompts: readonly string[],
  flags: GenerationFlags,
  signal: AbortSignal,
  terminal: Terminal,
  advice: Advice = {
    prompt: 'give one, such as "a fox on a teal background"',
    class: "give --class, such as --class 207",
  },
): Promise<Job> {
  const { lowMemory = false, keepLoaded: keep } = flags;
  const keepLoaded = keep && !lowMemory;
  const opened = await openModel(locationOf(flags, signal, terminal));
  const path = flags.model ?? defaultModelFolder();
  const pipeline = anyPipeline(opened, modelName(path), { runtime: runtimeOf(flags), keepLoaded });
  refuseForeignFlags(pipeline, prompts, flags);
  checkSampler(pipeline, flags);
  const request = await requestOf(pipeline, prompts, flags, advice);
  const rowsMade = (run: Pick<JobRun, "rows">): GenerateRequest => withRows(request, run.rows);
  return {
    name: pipeline.name,
    conditioned: pipeline.conditioned,
    rows: pipeline.rows(request),
    stream: ({ rows, cutAt, ...run }) => pipeline.stream({ ...rowsMade({ rows }), ...given(run), signal }, { cutAt }),
    memory: (cache) => pipeline.memory({ ...request, cache }, { lowMemory, keepLoaded }),
    parameters: (result, index, rows) => pipeline.parameters(rowsMade({ rows }), result, index),
    [Symbol.asyncDispose]: () => pipeline.dispose(),
  };
}

/** Where the flags say that the model lies. */
export function locationOf(
  { model = defaultModelFolder(), config, variant, ema, tokenizer = defaultTokenizerFolder() }: Partial<ModelFlags>,
  signal: AbortSignal,
  terminal: Terminal,
): ModelLocation & { readonly path: string } {
  return { path: model, config, variant, ema, tokenizer, ...conversion(terminal, signal) };
}

/** What the flags ask of the model, but for cache and seed. */
async function requestOf(
  { task, conditioned }: AnyPipeline,
  prompts: readonly string[],
  flags: GenerationFlags,
  advice: Advice,
): Promise<GenerateRequest> {
  const { lowMemory = false } = flags;
  const prompted = task === "text-to-image";
  return given({
    prompt: conditioned === "prompt" ? promptsOf(prompts, flags, advice) : undefined,
    classes: conditioned === "class" ? classesOf(flags, advice) : undefined,
    image: await readImage(flags.image),
    mask: await readImage(flags.mask),
    vaeTiling: prompted ? (flags.vaeTiling ?? lowMemory) : undefined,
    timestepSelection: selectionOf(flags),
    ...pick(flags, SHARED_NAMES),
  });
}

/** Options whose flags have the same names. */
const SHARED_NAMES = [
  "negativePrompt",
  "strength",
  "steps",
  "sampler",
  "eta",
  "guidanceScale",
  "guidanceRescale",
  "clipSkip",
  "width",
  "height",
  "count",
  "oneGenerator",
] as const;

const pick = <T, K extends keyof T>(values: T, names: readonly K[]): Pick<T, K> =>
  Object.fromEntries(names.map((name) => [name, values[name]])) as Pick<T, K>;

/** `undefined` would override what is beside it, so absent fields are dropped. */
const given = <T extends object>(values: T): { [K in keyof T]: T[K] } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;

/** The request for some of its rows alone. */
function withRows(request: GenerateRequest, rows: readonly number[] | undefined): GenerateRequest {
  if (rows === undefined) return request;
  const chosen = <T>(all: readonly T[]): readonly T[] => rows.flatMap((row) => all.slice(row, row + 1));
  const { prompt, classes } = request;
  return {
    ...request,
    ...(prompt === undefined ? {} : { prompt: chosen([prompt].flat()) }),
    ...(classes === undefined ? {} : { classes: classes === "all" ? rows : chosen(classes) }),
  };
}

/** What runs are made on. */
export function runtimeOf({
  device,
  threads,
  lowMemory,
}: Pick<ModelFlags, "device" | "threads" | "lowMemory">): Runtime {
  return nodeRuntime({
    device,
    ...(threads === undefined ? {} : { threads }),
    // Elsewhere than on the CPU it is about which networks are loaded and how pictures are decoded.
    ...(lowMemory === undefined || device !== "cpu" ? {} : { lowMemory }),
  });
}

/** Flags that stand for an option of another name. */
const FLAG_OPTIONS: Readonly<Record<string, OptionName>> = { class: "classes" };

/** Flags that only some kinds of model have a use for. */
const SOME_MODELS = [
  "prompt",
  "negativePrompt",
  "image",
  "mask",
  "strength",
  "guidanceScale",
  "guidanceRescale",
  "clipSkip",
  "width",
  "height",
  "vaeTiling",
  "class",
  "timestepSelection",
] as const;

function refuseForeignFlags({ task, accepts }: AnyPipeline, prompts: readonly string[], flags: GenerationFlags): void {
  const flagText = (flag: string): string => `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const foreign = SOME_MODELS.find(
    (flag) => flags[flag] !== undefined && !accepts.has(FLAG_OPTIONS[flag] ?? (flag as OptionName)),
  );
  const needsImage = (["mask", "strength"] as const).find((flag) => flags[flag] !== undefined);
  if (foreign === undefined && needsImage !== undefined && flags.image === undefined) {
    throw new UsageError(`Cannot use --${needsImage} without --image`);
  }
  const prompted = !accepts.has("prompt") && prompts.length > 0 ? "a prompt" : undefined;
  const what = prompted ?? (foreign === undefined ? undefined : flagText(foreign));
  if (what !== undefined) throw new UsageError(`Cannot use ${what} with this model: it is for ${task}`);
}

/** The prompts, given as arguments or by --prompt. */
function promptsOf(prompts: readonly string[], { prompt }: GenerationFlags, advice: Advice): readonly string[] {
  if (prompt !== undefined && prompts.length > 0) {
    throw new UsageError("Cannot use --prompt together with a prompt argument");
  }
  const given = prompt === undefined ? prompts : [prompt];
  if (given.length === 0) {
    throw new UsageError(`Cannot run without a prompt: ${advice.prompt}`);
  }
  return given;
}

/** Refuses a sampler by its flag. */
function checkSampler({ samplers }: AnyPipeline, { sampler }: Pick<GenerationFlags, "sampler">): void {
  if (sampler === undefined || !isSamplerName(sampler) || samplers.includes(sampler)) return;
  throw new UsageError(`Cannot use --sampler ${sampler} with this model: one of ${samplers.join(", ")} is required`);
}

/** The classes asked for; how many there are is the model's to say. */
function classesOf(flags: GenerationFlags, advice: Advice): GenerateRequest["classes"] {
  const names = flags.class ?? [];
  if (names.length === 1 && names[0] === "all") return "all";
  if (names.length === 0) throw new UsageError(`Cannot run without a class: ${advice.class}`);
  return names.map((name) => (/^\d+$/.test(name) ? Number(name) : name));
}

function selectionOf({ timestepSelection: how }: GenerationFlags): "uniform" | "quad" | undefined {
  if (how === undefined || how === "uniform" || how === "quad") return how;
  throw new UsageError(`Cannot use --timestep-selection ${how}: uniform or quad is required`);
}

const readImage = async (path: string | undefined): Promise<RgbImage | undefined> =>
  path === undefined ? undefined : await readImageInput(path);
