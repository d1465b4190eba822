import type { DirectoryHandle } from "../checkpoint/files/handles.ts";
import type { WritableFiles } from "../checkpoint/files.ts";
import type { DownloadProgress, HubSource } from "../hub/hub-options.ts";
import type { Busy } from "../pipelines/run/queue.ts";
import type { NodeDevice } from "../runtime/node/device.ts";
import type { Precision } from "../runtime/precision.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { WebDevice } from "../runtime/web/open-graph.ts";
import type { ModelPlace } from "../systems/places/model-place.ts";

/** How far something has come that takes long before a model can run, in bytes. */
export type ProgressInfo =
  /** A file in torch's format whose tensors cannot be used in place is copied, once. */
  | { readonly status: "converting"; readonly loaded: number; readonly total: number }
  /**
   * Files of a model come from a server: one that is read in place by a browser, of which `loaded` and `total` are; or all that
   * is downloaded from a hub, of which more is told.
   */
  | ({
      readonly status: "downloading";
      readonly file: string;
      readonly loaded: number;
      readonly total: number;
    } & Partial<Omit<DownloadProgress, "file" | "loaded" | "total">>);

/** How a model is opened, and what it runs on. */
export interface PipelineOptions {
  /** Where networks run. In Node, the CPU where left out; in a browser, the GPU if WebGPU can use one, else the CPU. */
  readonly device?: NodeDevice | WebDevice | "auto" | undefined;
  /** On the CPU; all cores where left out. */
  readonly threads?: number | undefined;
  /** "low" leaves weights in their files and keeps one network at a time in memory; slower. */
  readonly memory?: "fast" | "low" | undefined;
  /** What a run does that finds another one under way: it waits (default), is refused, or ends the other. */
  readonly queue?: { readonly busy?: Busy | undefined } | undefined;
  /** Whether networks run in threads of their own (default), so that the event loop stays free, or on the caller's. */
  readonly thread?: "own" | "caller" | undefined;
  /** How large convolutions are computed on the CPU: "winograd" (default) is faster, "direct" differs in the last bits. */
  readonly convolutions?: "winograd" | "direct" | undefined;
  /**
   * What the U-Net's layers are computed in: "float32" where left out; "int8" on the CPU, "bfloat16" and "float16" with OpenVINO
   * differ a little; "auto" is the one of these that is worth it on this machine, which is measured once where `cacheFolder` is given.
   */
  readonly precision?: Precision | "auto" | undefined;
  readonly onProgress?: ((progress: ProgressInfo) => void) | undefined;
  /** Ends opening the model. */
  readonly signal?: AbortSignal | undefined;
  /** Read the files of a folder that are published under this variant, such as "fp16". */
  readonly variant?: string | undefined;
  /** The YAML of the original repository that describes a checkpoint file. */
  readonly config?: ModelPlace | undefined;
  /** Whether to prefer averaged weights where a file has both kinds; true unless told otherwise. */
  readonly ema?: boolean | undefined;
  /** Folder with the vocabulary for files of Stable Diffusion, which carry none; CLIP's where left out. */
  readonly tokenizer?: ModelPlace | undefined;
  /** An autoencoder in place of the model's own: a folder of diffusers, a file, or an id of the hub. */
  readonly vae?: ModelPlace | undefined;
  /** A tiny autoencoder (TAESD) that decodes images and previews: a folder, a file, or an id. */
  readonly tinyVae?: ModelPlace | undefined;
  /** An SDXL refiner that ends runs: a folder of diffusers, a file, or an id. */
  readonly refiner?: ModelPlace | undefined;
  /** ControlNets and T2I-Adapters by which runs are steered: folders of diffusers, files, or ids. */
  readonly controlnet?: ModelPlace | readonly ModelPlace[] | undefined;
  /** Where copies of what cannot be used in place are kept. */
  readonly cacheFolder?: string | WritableFiles | DirectoryHandle | undefined;
  /** Where models by their id come from and are kept; a browser keeps them in its own files. */
  readonly hub?: HubSource | undefined;
  /** In a browser, the folder that ONNX Runtime's .wasm files are served from, where a bundler does not put them beside it. */
  readonly wasmPaths?: string | undefined;
  /** What runs graphs, instead of ONNX Runtime. */
  readonly runtime?: Runtime | undefined;
}

/** The names of the options in `hub`. */
export const HUB_OPTIONS = [
  "cacheFolder",
  "endpoint",
  "token",
  "offline",
  "keep",
] as const satisfies readonly (keyof HubSource)[];

/** The names of the options of `pipeline()`. */
export const PIPELINE_OPTIONS = [
  "device",
  "threads",
  "memory",
  "queue",
  "thread",
  "convolutions",
  "precision",
  "onProgress",
  "signal",
  "variant",
  "config",
  "ema",
  "tokenizer",
  "vae",
  "tinyVae",
  "refiner",
  "controlnet",
  "cacheFolder",
  "hub",
  "wasmPaths",
  "runtime",
] as const satisfies readonly (keyof PipelineOptions)[];
