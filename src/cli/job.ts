import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { CachePolicy } from "../deepcache/policy.ts";
import { decodePng } from "../image/png.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { classConditional } from "../pipelines/class-conditional/class-conditional.ts";
import { className, classNamed, isImageNetClass } from "../pipelines/class-conditional/imagenet-classes.ts";
import { estimateMemory, type MemoryEstimate, type MemoryOptions } from "../pipelines/estimate-memory.ts";
import { type ImageText, imageParameters } from "../pipelines/image-parameters.ts";
import type { GenerationResult, PipelineEvent } from "../pipelines/run/events.ts";
import type { Seed } from "../pipelines/run/seeded-noise.ts";
import { textToImage } from "../pipelines/text-to-image/text-to-image.ts";
import { unconditional } from "../pipelines/unconditional/unconditional.ts";
import { nodeRuntime } from "../runtime/node/node.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type OpenedModel, openModel } from "../systems/open-model.ts";
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
  const { lowMemory = false } = flags;
  const effects = { runtime: runtimeOf(flags), keepLoaded: flags.keepLoaded && !lowMemory };
  const path = flags.model ?? defaultModelFolder();
  const { config, variant, ema, tokenizer = defaultTokenizerFolder() } = flags;
  const opened = await openModel({ path, config, variant, ema, tokenizer, ...conversion(terminal, signal) });
  refuseForeignFlags(opened, prompts, flags);
  const name = basename(path, extname(path) === "" ? undefined : extname(path));
  const { steps, eta, count } = flags;
  const common = { count, eta, signal };
  const memoryOf =
    (options: MemoryOptions): Job["memory"] =>
    (cache) =>
      estimateMemory(opened.model, {
        ...{ lowMemory, keepLoaded: effects.keepLoaded },
        ...(cache.kind === "off" ? {} : { branch: cache.branch }),
        ...options,
      });
  switch (opened.kind) {
    case "text-to-image": {
      const pipeline = textToImage(opened.model, effects);
      const options = {
        ...common,
        prompt: promptsOf(prompts, flags, advice),
        negativePrompt: flags.negativePrompt,
        sampler: flags.sampler,
        guidanceScale: flags.guidanceScale,
        guidanceRescale: flags.guidanceRescale,
        clipSkip: flags.clipSkip,
        width: flags.width,
        height: flags.height,
        image: await readImage(flags.image),
        mask: await readImage(flags.mask),
        strength: flags.strength,
        vaeTiling: flags.vaeTiling ?? lowMemory,
      };
      const { guidanceScale = 7.5, image, width = image?.width, height = image?.height, vaeTiling } = options;
      const memory = memoryOf({
        ...{ width, height, vaeTiling, fromImage: image !== undefined },
        guided: guidanceScale > 1 && opened.model.unet.config.timeConditionWidth === undefined,
        count: options.prompt.length * count,
      });
      return job({ name, conditioned: "prompt", rows: options.prompt, memory }, options, pipeline, ({ rows, ...run }) =>
        pipeline.stream({ ...options, steps, ...run, prompt: chosen(options.prompt, rows) }),
      );
    }
    case "class-conditional": {
      const pipeline = classConditional(opened.model, effects);
      const [known = 0] = opened.model.classEmbedding.shape;
      const classes = classesOf(flags, known, advice);
      const texts = classes.map((id) => `class ${id}, ${classText(id, known)}`);
      const { guidanceScale = 1.5 } = flags;
      originalSampler(flags.sampler);
      const memory = memoryOf({ guided: guidanceScale > 1, count: classes.length * count });
      const described = { name, conditioned: "class", rows: texts, memory } as const;
      return job(described, { ...common, guidanceScale }, pipeline, ({ rows, sampler, ...run }) => {
        const settled = { guidanceScale, steps, ...run, sampler: originalSampler(sampler ?? flags.sampler) };
        return pipeline.stream({ ...common, ...settled, classes: chosen(classes, rows) });
      });
    }
    case "unconditional": {
      const pipeline = unconditional(opened.model, effects);
      const timestepSelection = selectionOf(flags);
      const described = { name, conditioned: "nothing", rows: [], memory: memoryOf({ count }) } as const;
      return job(described, common, pipeline, ({ rows, ...run }) =>
        pipeline.stream({ ...common, sampler: flags.sampler, timestepSelection, steps, ...run }),
      );
    }
  }
}

/** A seed where none is given. */
export const drawnSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

function job(
  described: Pick<Job, "name" | "conditioned" | "rows" | "memory">,
  text: Omit<ImageText, "prompts">,
  pipeline: AsyncDisposable,
  stream: (run: Given) => AsyncGenerator<PipelineEvent, void>,
): Job {
  const { name, rows } = described;
  return {
    ...described,
    stream: ({ steps, sampler, count, ...run }) =>
      stream({
        ...run,
        ...(steps === undefined ? {} : { steps }),
        ...(sampler === undefined ? {} : { sampler }),
        ...(count === undefined ? {} : { count }),
      }),
    parameters: (result, index, made) => imageParameters({ ...text, prompts: chosen(rows, made) }, result, index, name),
    [Symbol.asyncDispose]: () => pipeline[Symbol.asyncDispose](),
  };
}

/** What is left out is not there at all, so that it does not hide what the job says. */
type Given = Omit<JobRun, Defaulted> & { readonly [K in Defaulted]?: Exclude<JobRun[K], undefined> };
type Defaulted = "steps" | "sampler" | "count";

/** The rows that a run makes. */
const chosen = <T>(rows: readonly T[], made: readonly number[] | undefined): readonly T[] =>
  made === undefined ? rows : made.flatMap((row) => rows.slice(row, row + 1));

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

/** The flags that only some kinds of model have a use for. */
const USES = {
  "text-to-image": [
    ...["prompt", "negativePrompt", "image", "mask", "strength", "guidanceScale"],
    ...["guidanceRescale", "clipSkip", "width", "height", "vaeTiling"],
  ],
  "class-conditional": ["class", "guidanceScale"],
  unconditional: ["timestepSelection"],
} as const satisfies Record<OpenedModel["kind"], readonly string[]>;

function refuseForeignFlags({ kind }: OpenedModel, prompts: readonly string[], flags: GenerationFlags): void {
  const used: readonly string[] = USES[kind];
  const foreign = [...new Set(Object.values(USES).flat())].filter((flag) => !used.includes(flag));
  const given = foreign.find((flag) => flags[flag] !== undefined);
  const what = given === undefined ? undefined : `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const needsImage = (["mask", "strength"] as const).find((flag) => flags[flag] !== undefined);
  if (given === undefined && needsImage !== undefined && flags.image === undefined) {
    throw new UsageError(`Cannot use --${needsImage} without --image`);
  }
  const prompted = kind !== "text-to-image" && prompts.length > 0 ? "a prompt" : undefined;
  if (prompted ?? what) throw new UsageError(`Cannot use ${prompted ?? what} with this model: it is ${kind}`);
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

/** The classes asked for, of a model of `count`, the last of which stands for none. */
function classesOf(flags: GenerationFlags, count: number, advice: Advice): number[] {
  const names = flags.class ?? [];
  if (names.length === 1 && names[0] === "all") return Array.from({ length: count - 1 }, (_, id) => id);
  if (names.length === 0) throw new UsageError(`Cannot run without a class: ${advice.class}`);
  // How many classes there are is the model's to say.
  return names.map((name) => (/^\d+$/.test(name) ? Number(name) : classNamed(name)));
}

/** What class `id` is to a model of `count` classes, the last of which stands for none. */
function classText(id: number, count: number): string {
  if (id === count - 1) return "none";
  return isImageNetClass(id) ? className(id) : "unnamed";
}

function originalSampler(name: string | undefined): "ddim" | "plms" | undefined {
  if (name === undefined || name === "ddim" || name === "plms") return name;
  throw new UsageError(`Cannot use --sampler ${name} with this model: ddim or plms is required`);
}

function selectionOf({ timestepSelection: how }: GenerationFlags): "uniform" | "quad" | undefined {
  if (how === undefined || how === "uniform" || how === "quad") return how;
  throw new UsageError(`Cannot use --timestep-selection ${how}: uniform or quad is required`);
}

async function readImage(path: string | undefined): Promise<RgbImage | undefined> {
  if (path === undefined) return undefined;
  try {
    return decodePng(await readFile(path)).image;
  } catch (cause) {
    throw new Error(`Cannot read the picture "${path}"`, { cause });
  }
}
