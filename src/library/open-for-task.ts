import { DeepCacheError } from "../errors/deepcache-error.ts";
import { type AnyPipeline, anyPipeline } from "../pipelines/any-pipeline.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type ModelLocation, modelName } from "../systems/model-location.ts";
import { openModel } from "../systems/open-model.ts";
import type { LoadedModels } from "./loaded-model.ts";
import { asOptions } from "./misuse.ts";
import { type ModelPlace, openedPlace, placeName } from "./model-place.ts";
import { openPipeline } from "./open-pipeline.ts";
import { namedOptions } from "./option-names.ts";
import { checkOptionTypes, PIPELINE_TYPES, QUEUE_TYPES, TASK_TYPES } from "./option-types.ts";
import { PIPELINE_OPTIONS, type PipelineOptions } from "./pipeline-options.ts";

/** What an environment brings along: Node, or a browser. */
export interface Environment {
  /** The vocabulary for files of Stable Diffusion, which carry none. */
  tokenizer(): ModelPlace;
  /** What runs graphs, as the options say. */
  runtime(options: PipelineOptions): Runtime | Promise<Runtime>;
  /** The place as it is opened in this environment; for models that report how far they have come. */
  open?(place: ModelPlace, options: PipelineOptions): Promise<ModelPlace>;
  /** The pipeline with its runs elsewhere than on the calling thread, where that is better. */
  moved?(pipeline: AnyPipeline, to: MovedTo): AnyPipeline;
}

/** What another thread needs to know to open the same model. */
export interface MovedTo {
  readonly location: Omit<ModelLocation, "signal" | "onProgress">;
  readonly name: string;
  readonly options: PipelineOptions;
}

/** The options of `pipeline()`, checked. */
export function pipelineOptions(task: TaskName | undefined, given: PipelineOptions): PipelineOptions {
  if (task !== undefined) checkOptionTypes({ task }, TASK_TYPES);
  const named = namedOptions(given, PIPELINE_OPTIONS, "pipeline()");
  checkOptionTypes(named, PIPELINE_TYPES);
  const options: PipelineOptions = named;
  checkOptionTypes({ ...options.queue }, QUEUE_TYPES);
  return options;
}

/** Opens `model` for `task`, or for the task that it is made for. */
export async function openForTask(
  task: TaskName | undefined,
  model: ModelPlace,
  options: PipelineOptions,
  environment: Environment,
): Promise<LoadedModels[TaskName]> {
  const { memory = "fast", signal, queue, onProgress, cacheFolder, variant, config, ema } = options;
  const { tokenizer = environment.tokenizer(), vae, tinyVae, refiner, controlnet } = options;
  signal?.throwIfAborted();
  const placed = async (place: ModelPlace) => await openedPlace((await environment.open?.(place, options)) ?? place);
  const part = async (place: ModelPlace | undefined) => (place === undefined ? undefined : await placed(place));
  const controls = controlnet === undefined ? undefined : isMany(controlnet) ? controlnet : [controlnet];
  const location: MovedTo["location"] = {
    path: await placed(model),
    variant,
    config: (await part(config)) as Location["config"],
    ema,
    tokenizer: (await placed(tokenizer)) as Location["tokenizer"],
    vae: await part(vae),
    tinyVae: await part(tinyVae),
    refiner: await part(refiner),
    controls: controls && (await Promise.all(controls.map(placed))),
    cacheFolder,
  };
  const opened = await openModel({
    ...location,
    signal,
    onProgress: onProgress && (({ written, total }) => onProgress({ status: "converting", loaded: written, total })),
  });
  const name = modelName(placeName(model));
  if (task !== undefined && opened.kind !== task) {
    throw new DeepCacheError(
      "MODEL_UNSUPPORTED",
      `Cannot open "${name}" for ${task}: it is a model for ${opened.kind}`,
    );
  }
  const lowMemory = memory === "low";
  const runtime = await asOptions(() => options.runtime ?? environment.runtime(options));
  const pipeline = anyPipeline(opened, name, { runtime, keepLoaded: !lowMemory, queue });
  return openPipeline(environment.moved?.(pipeline, { location, name, options }) ?? pipeline, { lowMemory });
}

type Location = Parameters<typeof openModel>[0];

const isMany = (places: ModelPlace | readonly ModelPlace[]): places is readonly ModelPlace[] => Array.isArray(places);
