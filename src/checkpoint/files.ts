import type { ByteSource } from "./bytes/byte-source.ts";

/**
 * A folder of files, wherever it lies: on disk, in memory, among what was dropped on a page. Paths are relative to the
 * folder, with "/" between names; one that could leave the folder is refused with a CheckpointError.
 */
export interface Files {
  /** What messages call the folder; on disk, its path. */
  readonly name: string;
  /** Where it is a folder on disk: its path. */
  readonly path?: string | undefined;
  /**
   * The names of the files and folders directly in it. Rejects with a CheckpointError where there is no such folder, and
   * calls it by what was wanted of it, such as "the tokenizer".
   */
  list(wanted?: string): Promise<ReadonlySet<string>>;
  /** What lies at `path`; undefined where nothing does. */
  kind(path: string): Promise<"file" | "folder" | undefined>;
  /** The file at `path`, by whose name messages find it; rejects with a CheckpointError where there is none. */
  open(path: string): Promise<ByteSource>;
  /** The folder at `path`; whether there is one shows when it is used. */
  at(path: string): Files;
}

/** A folder that files can be put into; it is made with the first one, and so are folders in it. */
export interface WritableFiles extends Files {
  /** Puts a file to `path` that appears there only once all of `pieces` are in it; otherwise nothing is left behind. */
  write(path: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>;
  /** A name beside `path` for what is of use for a while only; should this process be killed, another removes it. */
  temporaryName(path: string): string;
  /** Removes the file at `path`, if there is one. */
  remove(path: string): Promise<void>;
  at(path: string): WritableFiles;
}

/** A path on this machine that messages call by another name; plain data, which other threads open as well. */
export interface TitledPath {
  readonly path: string;
  readonly title: string;
}

/** A folder: its path on this machine, or its files wherever they lie. */
export type FolderLike = string | TitledPath | Files;

/** A file: its path on this machine, or its bytes wherever they lie. */
export type FileLike = string | TitledPath | ByteSource;

/** Whether `place` is a folder of files rather than one file. */
export const isFiles = (place: Files | ByteSource): place is Files => "list" in place;
