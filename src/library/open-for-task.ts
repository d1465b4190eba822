import type { TitledPath } from "../checkpoint/files.ts";
import { DeepCacheError } from "../errors/deepcache-error.ts";
import { type AnyPipeline, anyPipeline } from "../pipelines/any-pipeline.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Purpose } from "../systems/from-hub/needed-files.ts";
import { type AdapterPlaces, asNamed } from "../systems/from-hub/places.ts";
import { type ModelLocation, modelName } from "../systems/model-location.ts";
import { openModel } from "../systems/open-model.ts";
import { type ModelPlace, openedPlace, placeName, writableFolder } from "../systems/places/model-place.ts";
import type { LoadedModels } from "./loaded-model.ts";
import { asOptions } from "./misuse.ts";
import { openPipeline } from "./open-pipeline.ts";
import { namedOptions } from "./option-names.ts";
import { checkOptionTypes, HUB_TYPES, PIPELINE_TYPES, QUEUE_TYPES, TASK_TYPES } from "./option-types.ts";
import { HUB_OPTIONS, PIPELINE_OPTIONS, type PipelineOptions } from "./pipeline-options.ts";

/** What an environment brings along: Node, or a browser. */
export interface Environment {
  /** The vocabulary for files of Stable Diffusion, which carry none. */
  tokenizer(): ModelPlace;
  /** What runs graphs, as the options say. */
  runtime(options: PipelineOptions): Runtime | Promise<Runtime>;
  /** The place as it is opened in this environment; for models that report how far they have come. */
  open?(place: ModelPlace, options: PipelineOptions, opening: Opening): Promise<ModelPlace>;
  /** Finds what the adapters of runs name; they are taken as they are named where left out. */
  places?(options: PipelineOptions): AdapterPlaces;
  /** The pipeline with its runs elsewhere than on the calling thread, where that is better. */
  moved?(pipeline: AnyPipeline, to: MovedTo): AnyPipeline;
}

/** What a place is opened as. */
export interface Opening {
  /** What messages call it. */
  readonly what: string;
  /** What of it is needed where it has to be downloaded; undefined of what is not. */
  readonly purpose: Purpose | undefined;
  readonly variant?: string | undefined;
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
  if (options.hub === undefined) return options;
  const hub = namedOptions(options.hub, HUB_OPTIONS, "hub");
  checkOptionTypes(hub, HUB_TYPES);
  return { ...options, hub };
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
  const placed = async (place: ModelPlace, what: string, purpose?: Purpose) =>
    await openedPlace((await environment.open?.(place, options, { what, purpose })) ?? place);
  const part = async (place: ModelPlace | undefined, what: string, purpose?: Purpose) =>
    place === undefined ? undefined : await placed(place, what, purpose);
  const controls = controlnet === undefined ? undefined : isMany(controlnet) ? controlnet : [controlnet];
  const location: MovedTo["location"] = {
    path: await openedPlace(
      (await environment.open?.(model, options, { what: "the model", purpose: "model", variant })) ?? model,
    ),
    variant,
    config: (await part(config, "the config")) as Location["config"],
    ema,
    tokenizer: (await placed(tokenizer, "the tokenizer")) as Location["tokenizer"],
    vae: await part(vae, "the autoencoder", "network"),
    tinyVae: await part(tinyVae, "the tiny autoencoder", "network"),
    refiner: await part(refiner, "the refiner", "refiner"),
    controls: controls && (await Promise.all(controls.map((place) => placed(place, "the control network", "network")))),
    cacheFolder: cacheFolder && writableFolder(cacheFolder),
  };
  const opened = await openModel({
    ...location,
    signal,
    onProgress: onProgress && (({ written, total }) => onProgress({ status: "converting", loaded: written, total })),
  });
  const name = modelName(placeName(isTitled(location.path) ? location.path.title : model));
  if (task !== undefined && opened.kind !== task) {
    throw new DeepCacheError(
      "MODEL_UNSUPPORTED",
      `Cannot open "${name}" for ${task}: it is a model for ${opened.kind}`,
    );
  }
  const lowMemory = memory === "low";
  const runtime = await asOptions(() => options.runtime ?? environment.runtime(options));
  const pipeline = anyPipeline(opened, name, { runtime, keepLoaded: !lowMemory, queue });
  const places = environment.places?.(options) ?? asNamed;
  return openPipeline(environment.moved?.(pipeline, { location, name, options }) ?? pipeline, { lowMemory, places });
}

const isTitled = (place: Location["path"]): place is TitledPath => typeof place === "object" && "title" in place;

type Location = Parameters<typeof openModel>[0];

const isMany = (places: ModelPlace | readonly ModelPlace[]): places is readonly ModelPlace[] => Array.isArray(places);
