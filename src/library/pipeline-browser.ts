import { servedSource } from "../checkpoint/bytes/byte-sources/served.ts";
import { memoryFiles } from "../checkpoint/files/memory.ts";
import { absoluteUrl, isFileUrl } from "../checkpoint/files/place-browser.ts";
import { servedFiles } from "../checkpoint/files/served.ts";
import type { Files } from "../checkpoint/files.ts";
import { DeepCacheError } from "../errors/deepcache-error.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import { checkPrecision } from "../runtime/precision.ts";
import type { WebDevice } from "../runtime/web/open-graph.ts";
import { webRuntime } from "../runtime/web/web.ts";
import type { LoadedModels } from "./loaded-model.ts";
import type { ModelPlace } from "./model-place.ts";
import { type Environment, openForTask, pipelineOptions } from "./open-for-task.ts";
import type { PipelineOptions } from "./pipeline-options.ts";

/**
 * Opens a model in a browser: the URL of a folder in diffusers' layout or of a .safetensors or .ckpt file, or what was picked or
 * dropped. Nothing is loaded before the first run, and nothing is kept when the pipeline is disposed of.
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
  return await openForTask(task, model ?? defaultModelFolder(), checked, BROWSER);
}

/** Refuses: what is embedded in the package does not lie on a page. */
export function defaultModelFolder(): string {
  throw new DeepCacheError(
    "MODEL_NOT_FOUND",
    "Cannot open the embedded model in a browser: serve the folder models/fluent-scenes of this package and give its URL",
  );
}

const BROWSER: Environment = {
  tokenizer: () => NO_TOKENIZER,
  runtime({ device: asked, threads, memory, wasmPaths, precision = "float32" }) {
    const device = asked === "cpu" ? "wasm" : (asked as WebDevice | "auto" | undefined); // others are refused there
    checkPrecision(precision, device ?? "auto");
    return webRuntime({ device, threads, lowMemory: memory === "low", wasmPaths });
  },
  async open(place, { onProgress, variant }) {
    if (typeof place !== "string") return place;
    const url = absoluteUrl(place);
    const onFetched = onProgress && ((fetched: Fetched): void => onProgress({ status: "downloading", ...fetched }));
    if (!isFileUrl(url)) return servedFiles(url, { variant, onFetched });
    const source = await servedSource(url, { onFetched });
    if (source !== undefined) return source;
    throw new DeepCacheError("MODEL_NOT_FOUND", `Cannot open the model "${place}": there is no such file`);
  },
};

/** Single files carry no vocabulary, and a page has none beside it. */
const NO_TOKENIZER: Files = {
  ...memoryFiles({}, "tokenizer"),
  async list() {
    throw new DeepCacheError(
      "MODEL_NOT_FOUND",
      "Cannot read prompts for a single file, which carries no vocabulary: serve the folder models/clip-tokenizer of this " +
        'package and give its URL as "tokenizer"',
    );
  },
};

type Fetched = Parameters<NonNullable<NonNullable<Parameters<typeof servedSource>[1]>["onFetched"]>>[0];
