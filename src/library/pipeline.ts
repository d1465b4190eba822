import { nameOf } from "../checkpoint/files/place.ts";
import { DeepCacheError } from "../errors/deepcache-error.ts";
import type { DownloadProgress, HubSource } from "../hub/hub-options.ts";
import { anyPipeline } from "../pipelines/any-pipeline.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import type { Busy } from "../pipelines/run/queue.ts";
import { remotePipeline } from "../remote/caller.ts";
import { startRunThread } from "../remote/node/start-thread.ts";
import type { NodeDevice } from "../runtime/node/device.ts";
import { type NodeRuntimeOptions, nodeRuntime } from "../runtime/node/node.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { hubPlaces, partPlaces } from "../systems/from-hub/places.ts";
import { modelName } from "../systems/model-location.ts";
import { isSmall } from "../systems/network.ts";
import { openModel } from "../systems/open-model.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../systems/shipped.ts";
import type { LoadedModels } from "./loaded-model.ts";
import { asOptions } from "./misuse.ts";
import { openPipeline } from "./open-pipeline.ts";
import { namedOptions } from "./option-names.ts";
import { checkOptionTypes, HUB_TYPES, PIPELINE_TYPES, QUEUE_TYPES, TASK_TYPES } from "./option-types.ts";

/** How far something has come that takes long before a model can run, in bytes. */
export type ProgressInfo =
  | {
      /** A file in torch's format whose tensors cannot be used in place is copied, once. */
      readonly status: "converting";
      readonly loaded: number;
      readonly total: number;
    }
  /** Files that the cache does not have come from a hub or an address. */
  | ({ readonly status: "downloading" } & DownloadProgress);

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
  /** An autoencoder in place of the model's own: a folder of diffusers, a file, an id of the hub, or an address. */
  readonly vae?: string | undefined;
  /** A tiny autoencoder (TAESD) that decodes images and previews: a folder of diffusers, a file, an id, or an address. */
  readonly tinyVae?: string | undefined;
  /** An SDXL refiner that ends runs: a folder of diffusers, a file, an id, or an address. */
  readonly refiner?: string | undefined;
  /** ControlNets and T2I-Adapters by which runs are steered: folders of diffusers, files, ids, or addresses. */
  readonly controlnet?: string | readonly string[] | undefined;
  /** Where copies of what cannot be used in place are kept. */
  readonly cacheFolder?: string | undefined;
  /** Where models by their id come from and are kept. */
  readonly hub?: HubSource | undefined;
  /** What runs graphs, instead of ONNX Runtime for Node. */
  readonly runtime?: Runtime | undefined;
}

const HUB_OPTION_NAMES = [
  "cacheFolder",
  "endpoint",
  "token",
  "offline",
] as const satisfies readonly (keyof HubSource)[];

const OPTION_NAMES = [
  "device",
  "threads",
  "memory",
  "queue",
  "thread",
  "convolutions",
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
  "hub",
  "runtime",
] as const satisfies readonly (keyof PipelineOptions)[];

/**
 * Opens a model: a folder in diffusers' layout, a .safetensors or a .ckpt file, `org/name[@revision]` of the hub, or the
 * address of a file; the embedded one where left out. What is not on this machine is downloaded into the cache that Python
 * shares. Nothing is loaded before the first run, and nothing is kept when the pipeline is disposed of.
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
  const source = namedOptions(settings.hub ?? {}, HUB_OPTION_NAMES, "hub");
  checkOptionTypes(source, HUB_TYPES);
  signal?.throwIfAborted();
  const download = onProgress && ((progress: DownloadProgress) => onProgress({ status: "downloading", ...progress }));
  const places = hubPlaces({ ...(source as HubSource), signal, onProgress: download });
  const path = await places(model, { what: "the model", purpose: "model", variant });
  const name = modelName(nameOf(path));
  const parts = await partPlaces({ vae, tinyVae, refiner, controlnet }, places);
  const location = { path, variant, config, ema, tokenizer, cacheFolder, ...parts };
  const opened = await openModel({
    ...location,
    signal,
    onProgress: onProgress && (({ written, total }) => onProgress({ status: "converting", loaded: written, total })),
  });
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
  const outer = isMoved ? remotePipeline(inner, { model: order, start: startRunThread }) : inner;
  return openPipeline(outer, { lowMemory, places: hubPlaces({ ...(source as HubSource), onProgress: download }) });
}

const isOnCpu = ({ runtime, device = "cpu" }: PipelineOptions): boolean => runtime === undefined && device === "cpu";

function runtimeOf(settings: PipelineOptions, lowMemory: boolean): Runtime {
  const { runtime, thread } = settings;
  if (runtime !== undefined) return runtime;
  return nodeRuntime({
    ...runtimeOptions(settings),
    ...(thread === undefined ? {} : { thread }),
    ...(lowMemory && isOnCpu(settings) ? { lowMemory } : {}),
  });
}

const runtimeOptions = ({ device, threads, convolutions }: PipelineOptions): Omit<NodeRuntimeOptions, "thread"> => ({
  ...(device === undefined ? {} : { device }),
  ...(threads === undefined ? {} : { threads }),
  ...(convolutions === undefined ? {} : { convolutions }),
});
