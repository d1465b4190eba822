import type { FileLike, FolderLike } from "../checkpoint/files.ts";
import type { OpenCheckpointOptions } from "../checkpoint/open-checkpoint.ts";

/** A model's name: that of its folder, or of its file without the ending. */
export const modelName = (path: string): string => {
  const [, last = path] = /([^/\\]+)[/\\]*$/.exec(path) ?? [];
  return last.replace(/(?<=.)\.[^.]+$/, "");
};

/** Where a model lies and how to read it; `cacheFolder` is for copies of what cannot be used in place. */
export interface ModelLocation extends Omit<OpenCheckpointOptions, "at"> {
  /** A folder in diffusers' layout, or a checkpoint file: its path, or what it holds. */
  readonly path: FolderLike | FileLike;
  /** The YAML of the original repository that describes a checkpoint file. */
  readonly config?: FileLike | undefined;
  /** Read the files of a folder that are published under this variant, such as "fp16". */
  readonly variant?: string | undefined;
  /** Whether to prefer averaged weights where a file has both kinds; true unless told otherwise. */
  readonly ema?: boolean | undefined;
  /** Folder with the vocabulary for files of Stable Diffusion, which carry none. */
  readonly tokenizer: FolderLike;
  /** ControlNets and T2I-Adapters, folders or files, by which runs are steered. */
  readonly controls?: readonly (FolderLike | FileLike)[] | undefined;
  /** An autoencoder in place of the model's own, a folder or a file. */
  readonly vae?: FolderLike | FileLike | undefined;
  /** An SDXL refiner that ends runs, a folder or a file. */
  readonly refiner?: FolderLike | FileLike | undefined;
  /** A tiny autoencoder (TAESD) to decode by, a folder or a file. */
  readonly tinyVae?: FolderLike | FileLike | undefined;
}
