import { memorySource } from "../../checkpoint/bytes/byte-sources/memory.ts";
import { gatheredFiles } from "../../checkpoint/files/gathered.ts";
import type { Files } from "../../checkpoint/files.ts";
import { downloadAll } from "../download/download-all.ts";
import { hubError } from "../errors.ts";
import { smallFile } from "../http/small-file.ts";
import type { Hub } from "../hub.ts";
import { isCommit, type RepoReference, referenceName } from "../reference.ts";
import { completed } from "./completed.ts";
import { fileUrl, type Listing, listRepo, wantedRepo } from "./listing.ts";

/** A repository as its hub has it now. */
export interface RemoteRepository {
  readonly commit: string;
  /** What it holds; files are looked into without keeping them, so only small ones should be opened. */
  readonly files: Files;
  /** The bytes of a file, where the hub says so. */
  sizeOf(path: string): number | undefined;
  /** Downloads files and gives the commit's folder in the cache, in which they are from then on. */
  download(paths: readonly string[]): Promise<Files>;
}

/** A repository, by what was said of it. */
export interface Repository {
  /** What the cache has of the revision; undefined where it has nothing. */
  cached(): Promise<Files | undefined>;
  /** The commit that this is of. */
  cachedCommit(): Promise<string | undefined>;
  /** Asks the hub. */
  remote(): Promise<RemoteRepository>;
}

/** The folder of a repository in the cache. */
export const repoFolder = (id: string): string => `models--${id.replace("/", "--")}`;

/** The repository that `reference` names; messages call it so, or by another name. */
export function repository(
  reference: RepoReference,
  hub: Hub,
  name: string = referenceName({ ...reference, path: undefined }),
): Repository {
  const { id, revision } = reference;
  const store = hub.store.repo(repoFolder(id));
  const cachedCommit = async () => (isCommit(revision) ? revision : await store.commitOf(revision));
  return {
    cachedCommit,
    async cached() {
      const commit = await cachedCommit();
      return commit === undefined ? undefined : await store.snapshot(commit, name);
    },
    async remote() {
      const listing = await listRepo(reference, hub);
      const { commit } = listing;
      return {
        commit,
        files: remoteFiles(listing, reference, name, hub),
        sizeOf: (path) => listing.files.get(path)?.size,
        async download(paths) {
          await downloadFiles(paths, listing, reference, hub);
          // The last file has come, so whoever finds the revision finds all of it.
          if (!isCommit(revision)) await store.setCommit(revision, commit);
          const snapshot = await store.snapshot(commit, name);
          if (snapshot === undefined)
            throw hubError(
              "DOWNLOAD_FAILED",
              `Cannot find "${name}" in "${hub.store.name}": it has been removed meanwhile`,
            );
          return snapshot;
        },
      };
    },
  };
}

function remoteFiles({ commit, files }: Listing, reference: RepoReference, name: string, hub: Hub): Files {
  const { settings, effects, signal } = hub;
  const { token, timeout } = settings;
  return gatheredFiles(files, name, async ({ path }, title) => {
    const wanted = wantedRepo(reference, hub, path);
    const { bytes } = await smallFile(
      { url: fileUrl(reference, commit, path, hub), token, wanted, timeout, signal },
      effects,
    );
    return memorySource(bytes, title);
  });
}

/** Downloads what is missing, then puts all of it among the commit's files in the order of `paths`. */
async function downloadFiles(
  paths: readonly string[],
  listing: Listing,
  reference: RepoReference,
  hub: Hub,
): Promise<void> {
  const { settings, store, effects, signal, onProgress } = hub;
  const { token, timeout } = settings;
  const repo = store.repo(repoFolder(reference.id));
  const { commit } = listing;
  const listed = paths.map((path) => {
    const file = listing.files.get(path);
    if (file === undefined) throw hubError("MODEL_NOT_FOUND", `Cannot find "${path}" in "${reference.id}"`);
    return file;
  });
  const requests = (await completed(listed, reference, commit, hub)).map(({ path, size, checksum }) => ({
    ...{ path, size, checksum, token, refusesPages: false },
    url: fileUrl(reference, commit, path, hub),
    wanted: wantedRepo(reference, hub, path),
    key: checksum?.value ?? "",
  }));
  const name = referenceName(reference);
  const blobs = await downloadAll({ name, repo, files: requests }, { store, effects, timeout, signal, onProgress });
  for (const path of paths) await repo.link(commit, path, blobs.get(path)?.blob ?? "");
}
