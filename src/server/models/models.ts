import type { LoadedModels, ModelInfo } from "../../library/loaded-model.ts";
import type { PipelineOptions } from "../../library/pipeline.ts";
import type { BranchCost } from "../../pipelines/branch-costs.ts";
import type { TaskName } from "../../pipelines/generate-request.ts";

/** A model that runs, of whichever kind. */
export type ServedModel = LoadedModels[TaskName];

/** A model to serve: its path, its path with how it is opened, or a pipeline that somebody else opened and releases. */
export type ModelSource = string | (PipelineOptions & { readonly path: string }) | ServedModel;

/** A model by its name, as lists show it. */
export interface ModelEntry {
  readonly name: string;
  /** Whether its networks are in memory, or may be. */
  readonly loaded: boolean;
}

/** What a model takes, and what a cached evaluation takes of a full one. */
export interface ModelDescription extends ModelInfo {
  readonly branches: readonly BranchCost[];
}

/** The models of a server: opened on first use, the least recently used let go of where memory is short. */
export interface Models extends AsyncDisposable {
  readonly names: readonly string[];
  /** The name of what `asked` names, the first model where it is left out; any other is refused. */
  resolve(asked: string | undefined): string;
  list(): readonly ModelEntry[];
  /** What a model takes and costs; opened for it where it is not, but not loaded. */
  describe(name: string): Promise<ModelDescription>;
  /** Lets `run` have a model, once there is memory for what it is going to do. */
  use<T>(name: string, request: object, run: (model: ServedModel) => Promise<T>): Promise<T>;
}
