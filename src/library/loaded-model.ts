import type { BranchCost } from "../pipelines/branch-costs.ts";
import type { MemoryEstimate } from "../pipelines/estimate-memory.ts";
import type { TaskName } from "../pipelines/generate-request.ts";
import type { Run } from "./image-run.ts";
import type { ClassToImageOptions, CommonOptions, TextToImageOptions, UnconditionalImageOptions } from "./options.ts";
import type { ImageEvent, ImageResult } from "./results.ts";

/** A run of a model: await it for its result, or loop over its events. */
export type ImageRun = Run<ImageResult, ImageEvent>;

/** Several runs that take turns: await them for their results, in the order of the variants, or loop over their events. */
export type ComparisonRun = Run<readonly ImageResult[], ImageEvent>;

/** What one of the runs of a comparison has instead of what the request says. */
export type Variant = Pick<CommonOptions, "cache" | "speedup" | "preset" | "steps" | "sampler">;

/** What a model is, and what it does where nobody says. */
export interface ModelInfo {
  readonly task: TaskName;
  readonly name: string;
  readonly samplers: readonly string[];
  /** The options that its runs take. */
  readonly options: readonly string[];
  /** Widths and heights are multiples of this, in pixels. */
  readonly multipleOf: number;
  /** The size of its images where nobody says. */
  readonly width: number;
  readonly height: number;
  /** What its networks run on, such as `cpu` or `webgpu`. */
  readonly device: string;
  /** Threads that they are computed with on the CPU; left out where they run elsewhere, or that is not known. */
  readonly threads?: number | undefined;
}

/** What every opened model has. Runs wait for one another; networks stay loaded from run to run. */
interface Opened<Request> extends AsyncDisposable {
  readonly model: ModelInfo;
  /** The same as calling the pipeline, with everything in one object. */
  generate(request: Request): ImageRun;
  /**
   * Makes the same images once for each variant, with the same seeds. The runs take turns, evaluation by evaluation, so that
   * their times can be compared; those that need different networks follow one another. Events have the number of their `lane`.
   */
  compare(request: Request, variants: readonly Variant[]): ComparisonRun;
  /** What a cached evaluation takes of a full one at the first branches, at the model's own size; loads nothing. */
  branchCosts(): readonly BranchCost[];
  /** What a run would take in memory on a CPU, in bytes, without loading anything. */
  estimateMemory(request: Request): Promise<MemoryEstimate>;
  /** Ends what runs and releases the model; later runs are refused. */
  dispose(): Promise<void>;
}

/** Images from prompts. */
export interface TextToImage extends Opened<TextToImageOptions & { readonly prompt: string | readonly string[] }> {
  (prompt: string | readonly string[], options?: TextToImageOptions): ImageRun;
}

/** ImageNet's classes, by number or name, or all that a model knows. */
export type Classes = number | string | readonly (number | string)[];

/** Images of classes. */
export interface ClassToImage extends Opened<ClassToImageOptions & { readonly classes: Classes }> {
  (classes: Classes, options?: ClassToImageOptions): ImageRun;
}

/** Images out of noise alone. */
export interface UnconditionalImage extends Opened<UnconditionalImageOptions> {
  (options?: UnconditionalImageOptions): ImageRun;
}

/** What `pipeline` gives, by task. */
export interface LoadedModels {
  readonly "text-to-image": TextToImage;
  readonly "class-to-image": ClassToImage;
  readonly "unconditional-image": UnconditionalImage;
}
