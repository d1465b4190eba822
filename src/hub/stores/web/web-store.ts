import { blobSource } from "../../../checkpoint/bytes/byte-sources/blob.ts";
import { CheckpointError } from "../../../checkpoint/errors.ts";
import type { Files } from "../../../checkpoint/files.ts";
import { isCommit } from "../../reference.ts";
import type { HubStore, RepoStore } from "../../store.ts";
import { askFiles } from "./ask-files.ts";
import { webDigest } from "./digests.ts";
import { type OriginTree, originTree } from "./origin-tree.ts";
import { openPartial, partialSize } from "./partial-file.ts";
import { webLock } from "./web-locks.ts";

/** The folders of downloads in the page's own file system. */
export const HUB_FOLDER = ["deepcache", "hub"] as const;

interface Estimating {
  readonly navigator: {
    readonly storage: { estimate(): Promise<{ readonly quota?: number; readonly usage?: number }> };
  };
}

/** A page's own file system (OPFS), in Hugging Face's layout; a snapshot's files hold the names of their blobs. */
export function webStore(): HubStore {
  const root = originTree(askFiles(), HUB_FOLDER);
  return {
    name: "the browser's own files",
    advice: {
      token: "give a token, as the option hub: { token }",
      room: "a visitor can give the site more, and removeStoredModel() of deepcache/browser removes what is not needed",
      offline: "the option hub: { offline: true }",
    },
    repo: (folder) => webRepo(root.at(folder)),
    async freeBytes() {
      const { quota, usage = 0 } = await (globalThis as unknown as Estimating).navigator.storage.estimate();
      return quota === undefined ? undefined : Math.max(0, quota - usage);
    },
    digest: webDigest,
  };
}

function webRepo(repo: OriginTree): RepoStore {
  const blobs = repo.at("blobs");
  return {
    async commitOf(revision) {
      const text = (await repo.readText(`refs/${revision}`))?.trim() ?? "";
      return isCommit(text) ? text : undefined;
    },
    setCommit: async (revision, commit) => await repo.writeText(`refs/${revision}`, commit),
    async snapshot(commit, name) {
      const links = await repo.at(`snapshots/${commit}`).files();
      return links && linkedFiles(links, blobs, name);
    },
    link: async (commit, path, blob) => await repo.writeText(`snapshots/${commit}/${path}`, blob),
    sizeOf: async (blob) => await blobs.sizeOf(blob),
    partialSize: async (key) => await partialSize(blobs, key),
    openPartial: async (key) => await openPartial(blobs, key),
    lock: async (key, signal) => await webLock(`${repo.name}/${key}`, signal),
  };
}

const fileIn = async (blobs: OriginTree, blob: string): Promise<Blob | undefined> => {
  const handle = await (await blobs.handle()).getFileHandle(blob).catch(() => undefined);
  return await handle?.getFile();
};

/** The blobs whose names stand in the files of `links`, under the paths of those. */
function linkedFiles(links: Files, blobs: OriginTree, name: string): Files {
  return {
    name,
    list: async (wanted) => await links.list(wanted),
    kind: async (path) => await links.kind(path),
    at: (path) => linkedFiles(links.at(path), blobs, `${name}/${path}`),
    async open(path) {
      const link = await links.open(path);
      const blob = new TextDecoder().decode(await link.read(0, link.size));
      const file = await fileIn(blobs, blob);
      if (file === undefined) throw new CheckpointError(`Cannot read "${name}/${path}": the browser has removed it`);
      return { ...blobSource(file, `${name}/${path}`), identity: blob };
    },
  };
}
