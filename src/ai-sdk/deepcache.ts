import type { LoadedModels } from "../library/loaded-model.ts";
import type { PipelineOptions } from "../library/pipeline.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import { callOptions } from "./call-options.ts";
import type { ImageAnswer, ImageCall, ImageModel } from "./image-model.ts";
import { inProcessMaker } from "./makers/in-process.ts";
import { type RemoteOptions, remoteMaker } from "./makers/remote.ts";

/** A model for the AI SDK: its path, or where a server is asked, its name there; or a pipeline that is open. */
export type SdkModel = string | LoadedModels[TaskName];

/** How a model is opened in this process, or where the server is that has it. */
export type SdkOptions = PipelineOptions | RemoteOptions;

/** More images of one call than other services make. */
const MOST_IMAGES = 16;

/** An image model for `generateImage` of `ai` 7; the embedded model, or a server's first, where none is named. */
export const deepcache = (model?: SdkModel, options: SdkOptions = {}): ImageModel<"v4"> =>
  modelOf("v4", model, options);

/** The same for `ai` 6. */
export const deepcacheV3 = (model?: SdkModel, options: SdkOptions = {}): ImageModel<"v3"> =>
  modelOf("v3", model, options);

function modelOf<Version extends "v3" | "v4">(
  specificationVersion: Version,
  model: SdkModel | undefined,
  options: SdkOptions,
): ImageModel<Version> {
  const maker = "url" in options ? remoteMaker(nameOf(model), options) : inProcessMaker(model, options);
  const modelId = nameOf(model) ?? "default";
  const doGenerate = async (call: ImageCall): Promise<ImageAnswer> => {
    const timestamp = new Date();
    const { options: asked, warnings } = callOptions(call);
    const made = await maker.make(asked, { signal: call.abortSignal, headers: call.headers });
    // The SDK hands on what is said of each image, and nothing else.
    const images = made.pictures.map(({ seed, parameters }) => ({ seed, parameters, ...made.summary }));
    return {
      images: made.pictures.map(({ png }) => png),
      warnings: [...warnings, ...made.warnings.map((message) => ({ type: "other", message }) as const)],
      providerMetadata: { deepcache: { images } },
      response: { timestamp, modelId, headers: made.headers },
    };
  };
  const dispose = async (): Promise<void> => await maker[Symbol.asyncDispose]();
  return {
    ...{ specificationVersion, modelId, doGenerate, provider: "deepcache", maxImagesPerCall: MOST_IMAGES },
    ...{ supportsFileInputs: true, supportsMaskInputs: true },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

const nameOf = (model: SdkModel | undefined): string | undefined =>
  typeof model === "function" ? model.model.name : model;
