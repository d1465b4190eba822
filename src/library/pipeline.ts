import type { WritableFiles } from "../checkpoint/files.ts";
import { type AnyPipeline, anyPipeline } from "../pipelines/any-pipeline.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import { remotePipeline } from "../remote/caller.ts";
import { startRunThread } from "../remote/node/start-thread.ts";
import type { NodeDevice } from "../runtime/node/device.ts";
import { type NodeRuntimeOptions, nodeRuntime } from "../runtime/node/node.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { isSmall } from "../systems/network.ts";
import { type ModelPlace, openedPlace, openedPlaces } from "../systems/places/model-place.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../systems/shipped.ts";
import type { LoadedModels } from "./loaded-model.ts";
import { asOptions } from "./misuse.ts";
import { type Described, openForTask, pipelineOptions, placesOf } from "./open-for-task.ts";
import type { PipelineOptions } from "./pipeline-options.ts";

export type { PipelineOptions, ProgressInfo } from "./pipeline-options.ts";

/**
 * Opens a model: a folder in diffusers' layout, a .safetensors or a .ckpt file; the embedded one where left out. Nothing is
 * loaded before the first run, and nothing is kept when the pipeline is disposed of.
 */
export function pipeline<Task extends TaskName>(
  task: Task,
  model?: ModelPlace,
  options?: PipelineOptions,
): Promise<LoadedModels[Task]>;
/** Opens a model for the task that it is made for. */
export function pipeline(
  task?: undefined,
  model?: ModelPlace,
  options?: PipelineOptions,
): Promise<LoadedModels[TaskName]>;
export async function pipeline(
  task?: TaskName,
  model: ModelPlace = defaultModelFolder(),
  options: PipelineOptions = {},
): Promise<LoadedModels[TaskName]> {
  const checked = pipelineOptions(task, options);
  checked.signal?.throwIfAborted();
  const places = placesOf(model, checked);
  const opened = await openedPlaces(places, { open: openedPlace, tokenizer: defaultTokenizerFolder });
  const cacheFolder = checked.cacheFolder && ((await openedPlace(checked.cacheFolder)) as string | WritableFiles);
  return await openForTask(task, { places, opened, options: checked, cacheFolder }, (described) =>
    startInNode(described, checked),
  );
}

async function startInNode({ opened, name, location }: Described, options: PipelineOptions): Promise<AnyPipeline> {
  const { memory = "fast", thread, queue } = options;
  const lowMemory = memory === "low";
  const runtime = await asOptions(() => runtimeOf(options, lowMemory));
  const inner = anyPipeline(opened, name, { runtime, keepLoaded: !lowMemory, queue });
  // Large networks have threads for themselves, and pieces of one are loaded side by side.
  const isMoved = isOnCpu(options) && thread !== "caller" && !lowMemory && isSmall(inner.unet) && isOnDisk(location);
  const order = { location, name, runtime: runtimeOptions(options), busy: queue?.busy };
  return isMoved ? remotePipeline(inner, { model: order, start: startRunThread }) : inner;
}

const isOnCpu = ({ runtime, device = "cpu" }: PipelineOptions): boolean => runtime === undefined && device === "cpu";

/** Whether another thread can open all of it, too. */
const isOnDisk = ({ controls = [], cacheFolder, ...places }: Described["location"]): boolean => {
  const { path, config, tokenizer, vae, tinyVae, refiner } = places;
  return [path, config, tokenizer, vae, tinyVae, refiner, cacheFolder, ...controls].every(
    (place) => place === undefined || typeof place === "string",
  );
};

function runtimeOf(options: PipelineOptions, lowMemory: boolean): Runtime {
  const { runtime, thread } = options;
  if (runtime !== undefined) return runtime;
  return nodeRuntime({
    ...runtimeOptions(options),
    ...(thread === undefined ? {} : { thread }),
    ...(lowMemory && isOnCpu(options) ? { lowMemory } : {}),
  });
}

const runtimeOptions = ({ device, threads, convolutions }: PipelineOptions): Omit<NodeRuntimeOptions, "thread"> => ({
  ...(device === undefined ? {} : { device: device as NodeDevice }), // others are refused there
  ...(threads === undefined ? {} : { threads }),
  ...(convolutions === undefined ? {} : { convolutions }),
});
