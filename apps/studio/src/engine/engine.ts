import type { CachePolicy } from "deepcache/deepcache/policies.ts";

/** Where models run. */
export type Place =
  | { readonly kind: "server"; readonly says: string }
  | { readonly kind: "page"; readonly device: Device; readonly says: string };

/** What a page runs models on: its GPU by WebGPU, or the processor by WebAssembly. */
export type Device = "webgpu" | "wasm";

/** A device that a page may be told to use. */
export interface DeviceChoice {
  readonly device: Device;
  readonly name: string;
  /** What is to be expected of it, or why it cannot be used. */
  readonly says: string;
  readonly isUsable: boolean;
}

/** What a place can do, line by line, as the dialog about it says it. */
export interface Doctor {
  readonly models: readonly string[];
  readonly lines: readonly { readonly name: string; readonly value: string }[];
}

/** A model to open: one that the place knows by name, one of the hub, or files of the visitor's own. */
export type ModelPlace = { readonly kind: "named"; readonly name: string } | HubModel | OwnPlace;

/** A model of the hub: `org/name`, `org/name@revision`, a file of one, or the address of its page. */
export interface HubModel {
  readonly kind: "hub";
  readonly name: string;
  readonly id: string;
  /** What lets the visitor read private and gated models. */
  readonly token?: string | undefined;
  /** False where its files are read where they lie, and come again with every visit. */
  readonly isKept?: boolean | undefined;
}

/** Files or a folder of the visitor's own. */
export type OwnPlace =
  | { readonly kind: "files"; readonly name: string; readonly files: readonly File[] }
  | { readonly kind: "folder"; readonly name: string; readonly folder: FileSystemDirectoryHandle };

/** How a model is opened. */
export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether weights stay in half precision in memory, which takes longer. */
  readonly lowMemory?: boolean | undefined;
}

/** What is known of a model that is open. */
export interface OpenedModel {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Widths and heights are multiples of this, in pixels. */
  readonly multipleOf: number;
  readonly samplers: readonly string[];
  /** The options that its runs take. */
  readonly options: readonly string[];
  /** What a cached evaluation takes of a full one, branch by branch; none where the place cannot tell. */
  readonly branches: readonly { readonly branch: number; readonly share: number }[];
  /** What it runs on, and on how many threads; none where the place cannot tell. */
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
}

/** How far all files are that come, in bytes and bytes a second. */
export interface TotalProgress {
  readonly loaded: number;
  readonly total: number;
  readonly rate: number;
}

/** How far a model has been opened. */
export type OpenEvent =
  | {
      readonly type: "bytes";
      readonly file: string;
      readonly loaded: number;
      readonly total: number;
      /** Of all files, where that is known. */
      readonly all?: TotalProgress | undefined;
    }
  | { readonly type: "step"; readonly says: string }
  /** What stays to be read. */
  | { readonly type: "notice"; readonly says: string }
  | { readonly type: "opened"; readonly model: OpenedModel };

/** What one run of a job has instead of the job's options. */
export interface Variant {
  readonly cache?: string | undefined;
  readonly preset?: string | undefined;
  readonly steps?: number | undefined;
  readonly sampler?: string | undefined;
}

/** Runs of one model with the same seed, which take turns, evaluation by evaluation, where the place can do that. */
export interface Job {
  /** As the model was opened. */
  readonly model: string;
  /** Options of the library, by their names. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly variants: readonly Variant[];
}

/** A picture that a run made. */
export interface Picture {
  readonly png: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  /** How it was made, as other Stable Diffusion programs read it. */
  readonly parameters: string;
}

/** What one run took. */
export interface RunResult {
  readonly sampler: string;
  readonly steps: number;
  readonly policy: CachePolicy;
  readonly evaluations: number;
  readonly full: readonly number[];
  /** How many times fewer operations than without a cache. */
  readonly speedup: number;
  /** Of denoising alone, and of everything. */
  readonly seconds: { readonly denoise: number; readonly total: number };
  readonly warnings: readonly string[];
}

/** What a job tells; the last event of each run is its result. */
export type RunEvent =
  | { readonly type: "waiting"; readonly position: number }
  | { readonly type: "step"; readonly says: string }
  | { readonly type: "warning"; readonly message: string }
  | {
      readonly type: "evaluation";
      readonly lane: number;
      /** Counted from 0. */
      readonly evaluation: number;
      readonly evaluations: number;
      readonly full: boolean;
      readonly seconds: number;
    }
  | { readonly type: "preview"; readonly lane: number; readonly png: Uint8Array<ArrayBuffer> }
  | { readonly type: "result"; readonly lane: number; readonly picture: Picture; readonly result: RunResult };

/** What runs models for the studio: this page, or a server. */
export interface Engine {
  readonly place: Place;
  /** What can be chosen between; nothing where there is no choice. */
  readonly devices?: readonly DeviceChoice[];
  describe(): Promise<Doctor>;
  open(model: ModelPlace, options?: OpenOptions): AsyncIterable<OpenEvent>;
  run(job: Job, signal?: AbortSignal): AsyncIterable<RunEvent>;
  release(): Promise<void>;
}

/** A failure whose message is a sentence for the visitor. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /** As the library or the server calls it. */
  readonly code: string | undefined;
  constructor(message: string, { code, cause }: { readonly code?: string | undefined; readonly cause?: unknown } = {}) {
    super(message, { cause });
    this.code = code;
  }
}
