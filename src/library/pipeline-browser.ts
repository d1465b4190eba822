import type { Fetched } from "../checkpoint/bytes/byte-sources/served.ts";
import { absoluteUrl, baseUrl } from "../checkpoint/files/place-browser.ts";
import { DeepCacheError } from "../errors/deepcache-error.ts";
import type { DownloadProgress, HubOptions } from "../hub/hub-options.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import { remotePipeline } from "../remote/caller.ts";
import { NO_TOKENIZER, type WebModelOrder } from "../remote/web/model-order.ts";
import { hasWorkers, startWebWorker } from "../remote/web/start-worker.ts";
import { startedAgain } from "../remote/web/started-again.ts";
import type { WebDevice } from "../runtime/web/open-graph.ts";
import { type WebRuntimeOptions, webRuntime } from "../runtime/web/web.ts";
import { isSendable, type ModelPlace, type ModelPlaces } from "../systems/places/model-place.ts";
import { openedWebPlace } from "../systems/places/web-place.ts";
import type { LoadedModels } from "./loaded-model.ts";
import { openForTask, pipelineOptions } from "./open-for-task.ts";
import type { PipelineOptions } from "./pipeline-options.ts";

/**
 * Opens a model in a browser: the URL of a folder in diffusers' layout or of a .safetensors or .ckpt file, what was picked or
 * dropped, or `org/name[@revision]` of the hub, which is downloaded into the page's own files. Nothing is loaded before the
 * first run, and networks are not kept when the pipeline is disposed of.
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
  model?: ModelPlace,
  options: PipelineOptions = {},
): Promise<LoadedModels[TaskName]> {
  const checked = pipelineOptions(task, options);
  checked.signal?.throwIfAborted();
  return await openInBrowser(task, model ?? defaultModelFolder(), checked);
}

/** Refuses: what is embedded in the package does not lie on a page. */
export function defaultModelFolder(): string {
  throw new DeepCacheError(
    "MODEL_NOT_FOUND",
    "Cannot open the embedded model in a browser: serve the folder models/fluent-scenes of this package and give its URL",
  );
}

/** Opens a model in the page, for what is asked of it, and in a worker for its runs. */
async function openInBrowser(
  task: TaskName | undefined,
  model: ModelPlace,
  options: PipelineOptions,
): Promise<LoadedModels[TaskName]> {
  const { onProgress, variant, ema, memory, queue, cacheFolder } = options;
  if (typeof cacheFolder === "string") {
    throw new DeepCacheError(
      "OPTION_INVALID",
      `Cannot keep copies in "${cacheFolder}": in a browser, a folder's handle is required`,
    );
  }
  const foreign = (["precision", "convolutions"] as const).find((name) => options[name] !== undefined);
  if (foreign !== undefined) {
    throw new DeepCacheError("OPTION_INVALID", `Cannot use the option "${foreign}" in a browser: it is for Node`);
  }
  const onFetched = onProgress && ((fetched: Fetched): void => onProgress({ status: "downloading", ...fetched }));
  const base = baseUrl();
  const known: WebModelOrder["known"] = new Map();
  const hub = hubOptions(options);
  /** What texts name, as far as they are names of the hub. */
  const named = new Map<ModelPlace, ModelPlace>();
  const runtime = runtimeOptions(options);
  const sent = cacheFolder === undefined || "list" in cacheFolder ? undefined : cacheFolder;
  return await openForTask(task, model, options, {
    tokenizer: () => NO_TOKENIZER,
    runtime: () => webRuntime(runtime),
    async open(place, _, { purpose, variant: asked }) {
      if (typeof place === "string" && purpose !== undefined) {
        const { webHubPlace } = await import("../systems/from-hub/web-hub-place.ts");
        const opening = { purpose, variant: asked };
        named.set(place, (await webHubPlace(place, { base, known, hub, opening })) ?? place);
      }
      return await openedWebPlace(named.get(place) ?? place, { base, variant, known, onFetched });
    },
    places:
      () =>
      async (text, { purpose, variant: asked, refresh }, signal) => {
        const { webHubPlace } = await import("../systems/from-hub/web-hub-place.ts");
        const opening = { purpose, variant: asked, refresh };
        return (await webHubPlace(text, { base, known, hub: { ...hub, signal }, opening })) ?? text;
      },
    moved(pipeline, { name }) {
      const places = placesOf(model, options, (place) => named.get(place) ?? place);
      const areSendable = sent === cacheFolder && Object.values(places).flat().every(canBeSent);
      if (options.runtime !== undefined || options.thread === "caller" || !hasWorkers() || !areSendable) {
        return startedAgain(pipeline);
      }
      const order: WebModelOrder = {
        ...{ places, variant, ema, name, base, known, runtime },
        keepLoaded: memory !== "low",
        cacheFolder: sent,
        busy: queue?.busy,
      };
      return startedAgain(remotePipeline(pipeline, { model: order, start: startWebWorker, onFetched }));
    },
  });
}

/** The hub that models are downloaded from, and who is told how far they have come. */
function hubOptions({ hub, onProgress, signal }: PipelineOptions): HubOptions {
  const told =
    onProgress &&
    (({ loaded, total = loaded, ...progress }: DownloadProgress): void =>
      onProgress({ status: "downloading", ...progress, loaded, total }));
  return { ...hub, onProgress: told, signal };
}

/** Where the model and what goes with it lie, as the options say. */
function placesOf(
  model: ModelPlace,
  { config, tokenizer, vae, tinyVae, refiner, controlnet }: PipelineOptions,
  at: (place: ModelPlace) => ModelPlace,
): ModelPlaces {
  const controls = (Array.isArray(controlnet) ? controlnet : [controlnet]) as readonly ModelPlace[];
  const part = (place: ModelPlace | undefined): ModelPlace | undefined => place && at(place);
  return {
    ...{ model: at(model), config: part(config), tokenizer: part(tokenizer), vae: part(vae) },
    ...{ tinyVae: part(tinyVae), refiner: part(refiner) },
    controls: controlnet === undefined ? undefined : controls.map(at),
  };
}

const canBeSent = (place: ModelPlace | undefined): boolean => place === undefined || isSendable(place);

const runtimeOptions = ({ device, threads, memory, wasmPaths }: PipelineOptions): WebRuntimeOptions => ({
  device: device === "cpu" ? "wasm" : (device as WebDevice | "auto" | undefined), // others are refused there
  threads,
  lowMemory: memory === "low",
  wasmPaths: wasmPaths === undefined ? undefined : absoluteUrl(wasmPaths),
});
