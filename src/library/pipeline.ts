import { DeepCacheError } from "../errors/deepcache-error.ts";
import { anyPipeline } from "../pipelines/any-pipeline.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import type { Busy } from "../pipelines/run/queue.ts";
import { remotePipeline } from "../remote/caller.ts";
import type { ModelOrder } from "../remote/node/model-order.ts";
import { startRunThread } from "../remote/node/start-thread.ts";
import type { NodeDevice } from "../runtime/node/device.ts";
import { nodeRuntime } from "../runtime/node/node.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { modelName } from "../systems/model-location.ts";
import { isSmall } from "../systems/network.ts";
import { openModel } from "../systems/open-model.ts";
import { weightFolder } from "../systems/parts/weight-folder.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../systems/shipped.ts";
import type { LoadedModels } from "./loaded-model.ts";
import { asOptions } from "./misuse.ts";
import { openPipeline } from "./open-pipeline.ts";
import { namedOptions } from "./option-names.ts";
import { checkOptionTypes, PIPELINE_TYPES, QUEUE_TYPES, TASK_TYPES } from "./option-types.ts";

/** How far something has come that takes long before a model can run, in bytes. */
export interface ProgressInfo {
  /** A file in torch's format whose tensors cannot be used in place is copied, once. */
  readonly status: "converting";
  readonly loaded: number;
  readonly total: number;
}

/** How a model is opened, and what it runs on. */
export interface PipelineOptions {
  /** Where networks run; the CPU where left out. */
  readonly device?: NodeDevice | undefined;
  /** On the CPU; all cores where left out. */
  readonly threads?: number | undefined;
  /** "low" leaves weights in their files and keeps one network at a time in memory; slower. */
  readonly memory?: "fast" | "low" | undefined;
  /** What a run does that finds another one under way: it waits (default), is refused, or ends the other. */
  readonly queue?: { readonly busy?: Busy | undefined } | undefined;
  /** Whether networks run in threads of their own (default), so that the event loop stays free, or on the caller's. */
  readonly thread?: "own" | "caller" | undefined;
  /** How large convolutions are computed on the CPU: "winograd" (default) is faster, "direct" differs in the last bits. */
  readonly convolutions?: "winograd" | "direct" | undefined;
  /** What the U-Net's layers are computed in: "int8" is faster, takes less memory and differs a little from "float32" (default). */
  readonly precision?: "float32" | "int8" | undefined;
  readonly onProgress?: ((progress: ProgressInfo) => void) | undefined;
  /** Ends opening the model. */
  readonly signal?: AbortSignal | undefined;
  /** Read the files of a folder that are published under this variant, such as "fp16". */
  readonly variant?: string | undefined;
  /** The YAML of the original repository that describes a checkpoint file. */
  readonly config?: string | undefined;
  /** Whether to prefer averaged weights where a file has both kinds; true unless told otherwise. */
  readonly ema?: boolean | undefined;
  /** Folder with the vocabulary for files of Stable Diffusion, which carry none; CLIP's where left out. */
  readonly tokenizer?: string | undefined;
  /** An autoencoder in place of the model's own: a folder of diffusers, or a file. */
  readonly vae?: string | undefined;
  /** A tiny autoencoder (TAESD) that decodes images and previews: a folder of diffusers, or a file. */
  readonly tinyVae?: string | undefined;
  /** An SDXL refiner that ends runs: a folder of diffusers, or a file. */
  readonly refiner?: string | undefined;
  /** ControlNets and T2I-Adapters by which runs are steered: folders of diffusers, or files. */
  readonly controlnet?: string | readonly string[] | undefined;
  /** Where copies of what cannot be used in place are kept. */
  readonly cacheFolder?: string | undefined;
  /** What runs graphs, instead of ONNX Runtime for Node. */
  readonly runtime?: Runtime | undefined;
}

const OPTION_NAMES = [
  "device",
  "threads",
  "memory",
  "queue",
  "thread",
  "convolutions",
  "precision",
  "onProgress",
  "signal",
  "variant",
  "config",
  "ema",
  "tokenizer",
  "vae",
  "tinyVae",
  "refiner",
  "controlnet",
  "cacheFolder",
  "runtime",
] as const satisfies readonly (keyof PipelineOptions)[];

/**
 * Opens a model: a folder in diffusers' layout, a .safetensors or a .ckpt file; the embedded one where left out. Nothing is
 * loaded before the first run, and nothing is kept when the pipeline is disposed of.
 */
export function pipeline<Task extends TaskName>(
  task: Task,
  model?: string,
  options?: PipelineOptions,
): Promise<LoadedModels[Task]>;
/** Opens a model for the task that it is made for. */
export function pipeline(task?: undefined, model?: string, options?: PipelineOptions): Promise<LoadedModels[TaskName]>;
export async function pipeline(
  task?: TaskName,
  model: string = defaultModelFolder(),
  options: PipelineOptions = {},
): Promise<LoadedModels[TaskName]> {
  if (task !== undefined) checkOptionTypes({ task }, TASK_TYPES);
  const named = namedOptions(options, OPTION_NAMES, "pipeline()");
  checkOptionTypes(named, PIPELINE_TYPES);
  const settings: PipelineOptions = named;
  const { memory = "fast", signal, queue, onProgress, cacheFolder, variant, config, ema } = settings;
  const { tokenizer = defaultTokenizerFolder(), vae, tinyVae, refiner, controlnet } = settings;
  checkOptionTypes({ ...queue }, QUEUE_TYPES);
  signal?.throwIfAborted();
  const location = {
    ...{ path: model, variant, config, ema, tokenizer, vae, tinyVae, refiner, cacheFolder },
    controls: controlnet === undefined ? undefined : [controlnet].flat(),
  };
  const opened = await openModel({
    ...location,
    signal,
    onProgress: onProgress && (({ written, total }) => onProgress({ status: "converting", loaded: written, total })),
  });
  const name = modelName(model);
  if (task !== undefined && opened.kind !== task) {
    throw new DeepCacheError(
      "MODEL_UNSUPPORTED",
      `Cannot open "${name}" for ${task}: it is a model for ${opened.kind}`,
    );
  }
  const lowMemory = memory === "low";
  const effects = { runtime: await asOptions(() => runtimeOf(settings, lowMemory)), keepLoaded: !lowMemory, queue };
  const inner = anyPipeline(opened, name, effects);
  // Large networks have threads for themselves, and pieces of one are loaded side by side.
  const isMoved = isOnCpu(settings) && settings.thread !== "caller" && !lowMemory && isSmall(inner.unet);
  const order = { location, name, runtime: runtimeOptions(settings), busy: queue?.busy };
  return openPipeline(isMoved ? remotePipeline(inner, { model: order, start: startRunThread }) : inner, { lowMemory });
}

const isOnCpu = ({ runtime, device = "cpu" }: PipelineOptions): boolean => runtime === undefined && device === "cpu";

function runtimeOf(settings: PipelineOptions, lowMemory: boolean): Runtime {
  const { runtime, thread, cacheFolder } = settings;
  if (runtime !== undefined) return runtime;
  return nodeRuntime({
    ...runtimeOptions(settings),
    ...(thread === undefined ? {} : { thread }),
    ...(cacheFolder === undefined ? {} : { keepWeights: { folder: weightFolder(cacheFolder) } }),
    ...(lowMemory && isOnCpu(settings) ? { lowMemory } : {}),
  });
}

/** What of the options goes to another thread, too. */
const runtimeOptions = ({ device, threads, convolutions, precision }: PipelineOptions): ModelOrder["runtime"] => ({
  ...(device === undefined ? {} : { device }),
  ...(threads === undefined ? {} : { threads }),
  ...(convolutions === undefined ? {} : { convolutions }),
  ...(precision === undefined ? {} : { precision }),
});
