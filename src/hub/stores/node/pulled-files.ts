import { join } from "node:path";
import { hubError } from "../../errors.ts";
import type { Hub } from "../../hub.ts";
import { type HubReference, isCommit, referenceName } from "../../reference.ts";
import { repoFolder } from "../../repo/repository.ts";
import { URL_REVISION, urlFolder } from "../../repo/url-file.ts";
import { cachedModels } from "./cached-models.ts";

/** Where something lies that was downloaded, and how much it is. */
export interface PulledFiles {
  readonly path: string;
  readonly commit: string;
  readonly files: number;
  /** In bytes. */
  readonly size: number;
}

/** What the cache has of a reference. */
export async function pulledFiles(reference: HubReference, { settings, store }: Hub): Promise<PulledFiles> {
  const isRepo = reference.kind === "repo";
  const folder = isRepo ? repoFolder(reference.id) : urlFolder(reference.url, store);
  const revision = isRepo ? reference.revision : URL_REVISION;
  const commit = isCommit(revision) ? revision : await store.repo(folder).commitOf(revision);
  const root = join(settings.cacheFolder, folder);
  const model = (await cachedModels(settings.cacheFolder)).find((cached) => cached.folder === root);
  const found = model?.revisions.find((cached) => cached.commit === commit);
  if (found === undefined || commit === undefined) {
    throw hubError("MODEL_NOT_FOUND", `Cannot find "${referenceName(reference)}" in "${settings.cacheFolder}"`);
  }
  const { files, size } = found;
  return { path: join(root, "snapshots", commit), commit, files, size };
}
