import type { TaskName } from "../pipelines/generate-request.ts";
import type { NodeDevice } from "../runtime/node/device.ts";
import { nodeRuntime } from "../runtime/node/node.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../systems/shipped.ts";
import type { LoadedModels } from "./loaded-model.ts";
import type { ModelPlace } from "./model-place.ts";
import { type Environment, openForTask, pipelineOptions } from "./open-for-task.ts";
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
  return await openForTask(task, model, pipelineOptions(task, options), NODE);
}

const NODE: Environment = {
  tokenizer: defaultTokenizerFolder,
  runtime({ device, threads, thread, convolutions, memory }) {
    const isCpu = device === undefined || device === "cpu";
    return nodeRuntime({
      ...(device === undefined ? {} : { device: device as NodeDevice }), // others are refused there
      ...(threads === undefined ? {} : { threads }),
      ...(thread === undefined ? {} : { thread }),
      ...(convolutions === undefined ? {} : { convolutions }),
      ...(memory === "low" && isCpu ? { lowMemory: true } : {}),
    });
  },
};
