import type { Files } from "../checkpoint/files.ts";

/** A digest of bytes that come in pieces. */
export interface Digest {
  update(bytes: Uint8Array): void;
  /** In hexadecimal digits; nothing may come after it. */
  hex(): string;
}

/** The digests by which blobs are known. */
export type DigestKind = "sha256" | "sha1";

/** A file on its way, which outlives the process that writes it: what comes is put behind what is there. */
export interface PartialFile extends AsyncDisposable {
  /** Bytes that are there. */
  readonly size: number;
  /** What the server called the version that they are of; undefined where nobody knows. */
  readonly validator: string | undefined;
  /** What is there, from the beginning. */
  bytes(): AsyncIterable<Uint8Array>;
  append(bytes: Uint8Array): Promise<void>;
  /** Leaves nothing there, and notes which version comes now. */
  restart(validator: string | undefined): Promise<void>;
  /** Makes a blob of it, under this name, once all of it has reached the disk. */
  finish(blob: string): Promise<void>;
  /** Removes it. */
  discard(): Promise<void>;
}

/** What a cache holds of one repository. */
export interface RepoStore {
  /** The commit that a branch or tag was at when it was last asked for. */
  commitOf(revision: string): Promise<string | undefined>;
  setCommit(revision: string, commit: string): Promise<void>;
  /** The files of a commit, called `name` in messages; undefined where none is there. */
  snapshot(commit: string, name: string): Promise<Files | undefined>;
  /** Puts a blob among the files of a commit. */
  link(commit: string, path: string, blob: string): Promise<void>;
  /** The bytes that a blob has; undefined where it is not there. */
  sizeOf(blob: string): Promise<number | undefined>;
  /** The bytes that are there of a file on its way. */
  partialSize(key: string): Promise<number>;
  /** The file on its way that is called `key`; whoever opens it holds its lock. */
  openPartial(key: string): Promise<PartialFile>;
  /** Waits until nobody else, in this process or another, works on `key`. */
  lock(key: string, signal?: AbortSignal): Promise<AsyncDisposable>;
}

/** What people can do where something is in the way, in the words of where they are. */
export interface HubAdvice {
  /** Where a hub wants a key. */
  readonly token: string;
  /** Where there is no room. */
  readonly room: string;
  /** What forbids to ask. */
  readonly offline: string;
}

/** Where downloads are kept, in Hugging Face's layout: blobs by digest, and snapshots that refer to them. */
export interface HubStore {
  /** What messages call it; on disk, its path. */
  readonly name: string;
  readonly advice: HubAdvice;
  /** A repository by the name of its folder, such as "models--org--name". */
  repo(folder: string): RepoStore;
  /** Bytes that may still be written; undefined where nobody can tell. */
  freeBytes(): Promise<number | undefined>;
  digest(kind: DigestKind): Digest;
}
