import { DeepCacheError } from "../errors/deepcache-error.ts";
import type { AnyPipeline } from "../pipelines/any-pipeline.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import { type ModelLocation, modelName } from "../systems/model-location.ts";
import { type OpenedModel, openModel } from "../systems/open-model.ts";
import { type ModelPlace, type ModelPlaces, type OpenedPlaces, placeName } from "../systems/places/model-place.ts";
import type { LoadedModels } from "./loaded-model.ts";
import { openPipeline } from "./open-pipeline.ts";
import { namedOptions } from "./option-names.ts";
import { checkOptionTypes, PIPELINE_TYPES, QUEUE_TYPES, TASK_TYPES } from "./option-types.ts";
import { PIPELINE_OPTIONS, type PipelineOptions } from "./pipeline-options.ts";

/** The options of `pipeline()`, checked. */
export function pipelineOptions(task: TaskName | undefined, given: PipelineOptions): PipelineOptions {
  if (task !== undefined) checkOptionTypes({ task }, TASK_TYPES);
  const named = namedOptions(given, PIPELINE_OPTIONS, "pipeline()");
  checkOptionTypes(named, PIPELINE_TYPES);
  const options: PipelineOptions = named;
  checkOptionTypes({ ...options.queue }, QUEUE_TYPES);
  return options;
}

/** Where the model and what goes with it lie, as the options say. */
export function placesOf(model: ModelPlace, options: PipelineOptions): ModelPlaces {
  const { config, tokenizer, vae, tinyVae, refiner, controlnet } = options;
  const controls = (Array.isArray(controlnet) ? controlnet : [controlnet]) as readonly ModelPlace[];
  return {
    ...{ model, config, tokenizer, vae, tinyVae, refiner },
    controls: controlnet === undefined ? undefined : controls,
  };
}

/** A model that has been described, and where it lies. */
export interface Described {
  readonly opened: OpenedModel;
  /** What its images say that they were made with. */
  readonly name: string;
  readonly location: Omit<ModelLocation, "signal" | "onProgress">;
}

/** What is to be opened. */
export interface Opening {
  readonly places: ModelPlaces;
  readonly options: PipelineOptions;
  /** The places of `places`. */
  readonly opened: OpenedPlaces;
  readonly cacheFolder: ModelLocation["cacheFolder"];
}

/** Opens a model for `task`, or for the task that it is made for; `start` says what runs it. */
export async function openForTask(
  task: TaskName | undefined,
  { places, opened: placed, options, cacheFolder }: Opening,
  start: (described: Described) => Promise<AnyPipeline>,
): Promise<LoadedModels[TaskName]> {
  const { memory, signal, onProgress, variant, ema } = options;
  const location = { ...placed, variant, ema, cacheFolder };
  const opened = await openModel({
    ...location,
    signal,
    onProgress: onProgress && (({ written, total }) => onProgress({ status: "converting", loaded: written, total })),
  });
  const name = modelName(placeName(places.model));
  if (task !== undefined && opened.kind !== task) {
    throw new DeepCacheError(
      "MODEL_UNSUPPORTED",
      `Cannot open "${name}" for ${task}: it is a model for ${opened.kind}`,
    );
  }
  return openPipeline(await start({ opened, name, location }), { lowMemory: memory === "low" });
}
