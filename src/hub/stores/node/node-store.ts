import { createHash } from "node:crypto";
import { readFile, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nodeFiles, pathKind } from "../../../checkpoint/files/node.ts";
import { makeFolder, writeWhole, writing } from "../../../checkpoint/files/write.ts";
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
  const commitOf = async (revision: string): Promise<string | undefined> => {
    const text = await readFile(ref(revision), "utf8").catch(() => "");
    return isCommit(text.trim()) ? text.trim() : undefined;
  };
  return {
    commitOf,
    async setCommit(revision, commit) {
      if ((await commitOf(revision)) === commit) return; // a cache that nobody may write to can be used as it is
      const path = ref(revision);
      await writing(path, () => {
        makeFolder(dirname(path));
        writeWhole(path, commit);
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
    lock: async (key, signal) => await writing(join(locks, key), async () => await lockBlob(locks, key, signal)),
  };
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
