import { createHash } from "node:crypto";
import { mkdir, readFile, rename, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nodeFiles, pathKind } from "../../../checkpoint/files/node.ts";
import { temporaryName } from "../../../checkpoint/files/write.ts";
import { isCommit } from "../../reference.ts";
import type { HubStore, RepoStore } from "../../store.ts";
import { lockBlob } from "./blob-lock.ts";
import { openPartial, partialSize } from "./partial-file.ts";
import { placeLink } from "./place-link.ts";
import { sizeOfFile } from "./size-of-file.ts";

/** The cache on disk that Python's huggingface_hub shares. */
export function nodeStore(folder: string): HubStore {
  return {
    name: folder,
    advice: {
      token: "give a token, by HF_TOKEN or hf auth login",
      room: "HF_HUB_CACHE names another folder, deepcache models removes what is not needed",
      offline: "HF_HUB_OFFLINE",
    },
    repo: (name) => nodeRepo(folder, name),
    freeBytes: async () => await freeBytesOf(folder),
    digest(kind) {
      const hash = createHash(kind);
      return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
    },
  };
}

function nodeRepo(cache: string, name: string): RepoStore {
  const repo = join(cache, name);
  const blobs = join(repo, "blobs");
  const locks = join(cache, ".locks", name);
  const ref = (revision: string): string => join(repo, "refs", ...revision.split("/"));
  const snapshot = (commit: string): string => join(repo, "snapshots", commit);
  return {
    async commitOf(revision) {
      const text = await readFile(ref(revision), "utf8").catch(() => "");
      return isCommit(text.trim()) ? text.trim() : undefined;
    },
    async setCommit(revision, commit) {
      const path = ref(revision);
      const temporary = temporaryName(path);
      await writing(path, async () => {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(temporary, commit);
        await rename(temporary, path);
      });
    },
    async snapshot(commit, title) {
      return (await pathKind(snapshot(commit))) === "folder" ? nodeFiles(snapshot(commit), title) : undefined;
    },
    async link(commit, path, blob) {
      const target = join(snapshot(commit), ...path.split("/"));
      await writing(target, async () => await placeLink(join(blobs, blob), target));
    },
    sizeOf: async (blob) => await sizeOfFile(join(blobs, blob)),
    partialSize: async (key) => await partialSize(blobs, key),
    openPartial: async (key) =>
      await writing(join(blobs, key), async () => await openPartial({ blobs, notes: locks, key })),
    lock: async (key, signal) => await lockBlob(locks, key, signal),
  };
}

/** What the disk refuses is told with the file that it was for. */
async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    throw cause instanceof Error && "syscall" in cause ? new Error(`Cannot write "${path}"`, { cause }) : cause;
  }
}

/** Of the disk that a folder is on, or will be. */
async function freeBytesOf(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return dirname(folder) === folder ? undefined : await freeBytesOf(dirname(folder));
  }
}
