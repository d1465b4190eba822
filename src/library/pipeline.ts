import type { DownloadProgress } from "../hub/hub-options.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import { remotePipeline } from "../remote/caller.ts";
import type { ModelOrder } from "../remote/node/model-order.ts";
import { startRunThread } from "../remote/node/start-thread.ts";
import { choosePrecision } from "../runtime/node/choose-precision.ts";
import type { NodeDevice } from "../runtime/node/device.ts";
import { nodeRuntime } from "../runtime/node/node.ts";
import { hubPlaces } from "../systems/from-hub/hub-places.ts";
import type { Places } from "../systems/from-hub/places.ts";
import { isSmall } from "../systems/network.ts";
import { measurementFolder, weightFolder } from "../systems/parts/weight-folder.ts";
import { type ModelPlace, writableFolder } from "../systems/places/model-place.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../systems/shipped.ts";
import type { LoadedModels } from "./loaded-model.ts";
import { asOptions } from "./misuse.ts";
import { type Environment, type MovedTo, openForTask, pipelineOptions } from "./open-for-task.ts";
import type { PipelineOptions } from "./pipeline-options.ts";

export type { PipelineOptions, ProgressInfo } from "./pipeline-options.ts";

/**
 * Opens a model: a folder in diffusers' layout, a .safetensors or a .ckpt file, `org/name[@revision]` of the hub, or the
 * address of a file; the embedded one where left out. What is not on this machine is downloaded into the cache that Python
 * shares. Nothing is loaded before the first run, and nothing is kept when the pipeline is disposed of.
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
  return await openForTask(task, model, await settled(pipelineOptions(task, options)), NODE);
}

const NODE: Environment = {
  tokenizer: defaultTokenizerFolder,
  runtime(options) {
    const { thread, cacheFolder } = options;
    const kept = cacheFolder && writableFolder(cacheFolder);
    return nodeRuntime({
      ...runtimeOptions(options),
      ...(thread === undefined ? {} : { thread }),
      ...(kept === undefined ? {} : { keepWeights: { folder: weightFolder(kept) } }),
      ...(options.memory === "low" && isOnCpu(options) ? { lowMemory: true } : {}),
    });
  },
  async open(place, options, opening) {
    if (typeof place !== "string" || opening.purpose === undefined) return place;
    return await placesOf(options)(place, { ...opening, purpose: opening.purpose }, options.signal);
  },
  places: placesOf,
  moved(pipeline, { location, name, options }) {
    // Large networks have threads for themselves, and pieces of one are loaded side by side.
    const isMoved = isOnCpu(options) && options.thread !== "caller" && options.memory !== "low";
    if (!isMoved || !isSmall(pipeline.unet) || !liesOnDisk(location)) return pipeline;
    const order = { location, name, runtime: runtimeOptions(options), busy: options.queue?.busy };
    return remotePipeline(pipeline, { model: order, start: startRunThread });
  },
};

/** The options with the precision that `auto` comes to. */
async function settled(options: PipelineOptions): Promise<PipelineOptions> {
  const { device, threads, precision, cacheFolder, signal, runtime } = options;
  if (precision !== "auto" || runtime !== undefined) return options;
  const kept = cacheFolder && writableFolder(cacheFolder);
  const folder = kept === undefined ? undefined : measurementFolder(kept);
  const chosen = await asOptions(() => choosePrecision({ device: device as NodeDevice, threads, folder, signal }));
  return { ...options, precision: chosen.precision };
}

/** Runs have signals of their own, so that the options' goes to opening alone. */
function placesOf({ hub, onProgress }: PipelineOptions): Places {
  const told =
    onProgress &&
    (({ loaded, total = loaded, ...progress }: DownloadProgress): void =>
      onProgress({ status: "downloading", ...progress, loaded, total }));
  return hubPlaces({ ...hub, onProgress: told });
}

const isOnCpu = ({ runtime, device = "cpu" }: PipelineOptions): boolean => runtime === undefined && device === "cpu";

/** What is elsewhere than in files cannot be opened by another thread. */
const liesOnDisk = (location: MovedTo["location"]): boolean =>
  Object.values(location)
    .flat()
    .every((value) => value === undefined || typeof value !== "object" || "title" in value);

const runtimeOptions = ({ device, threads, convolutions, precision }: PipelineOptions): ModelOrder["runtime"] => ({
  ...(device === undefined ? {} : { device: device as NodeDevice }), // others are refused there
  ...(threads === undefined ? {} : { threads }),
  ...(convolutions === undefined ? {} : { convolutions }),
  ...(precision === undefined || precision === "auto" ? {} : { precision }), // settled by now
});
