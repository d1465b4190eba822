import type { ByteSource } from "../../checkpoint/bytes/byte-source.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import type { Files, TitledPath } from "../../checkpoint/files.ts";
import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { Hub } from "../../hub/hub.ts";
import { type HubReference, isWeightFile, type RepoReference, referenceName } from "../../hub/reference.ts";
import { type Repository, repository } from "../../hub/repo/repository.ts";
import { urlFile } from "../../hub/repo/url-file.ts";
import { type Needed, neededFiles, type Purpose } from "./needed-files.ts";

/** How what a name stands for is opened. */
export interface HubOpening {
  readonly purpose: Purpose;
  readonly variant?: string | undefined;
  /** Whether to ask for the newest of it; otherwise what the cache has is taken, where that is all that is needed. */
  readonly refresh?: boolean | undefined;
}

/** What a name stands for: where it lies on disk, or what it holds where there is no disk. */
export type HubPlace = TitledPath | Files | ByteSource;

/** The folder or file that a name stands for, downloaded where the cache does not have it. */
export async function openFromHub(reference: HubReference, opening: HubOpening, hub: Hub): Promise<HubPlace> {
  if (reference.kind === "url") {
    const file = urlFile(reference.url, hub);
    const cached = await file.cached();
    if (cached === undefined) refuseOffline(reference, undefined, hub);
    const { files, path } = cached ?? (await file.download());
    return await placeIn(files, { kind: "file", path }, referenceName(reference));
  }
  const repo = repository(reference, hub);
  const { offline } = hub.settings;
  const cached = opening.refresh === true && !offline ? undefined : await repo.cached();
  const local = cached && (await openCached(cached, reference, opening));
  if (local === undefined || local instanceof CheckpointError) {
    refuseOffline(reference, local, hub);
    return await download(repo, reference, opening);
  }
  if (local.isSure || offline) return local.place;
  try {
    const revision = (await repo.cachedCommit()) ?? reference.revision;
    const same = repository({ ...reference, revision }, hub, referenceName({ ...reference, path: undefined }));
    return await download(same, reference, opening);
  } catch (error) {
    if (error instanceof DeepCacheError && error.code === "DOWNLOAD_FAILED") return local.place; // there is no network
    throw error;
  }
}

/** What a repository has, downloaded. */
async function download(repo: Repository, reference: RepoReference, opening: HubOpening): Promise<HubPlace> {
  const remote = await repo.remote();
  const needed = await chosenFiles(remote.files, reference, { ...opening, prefers: "small" });
  return await placeIn(await remote.download(needed.paths), needed, titleOf(reference, needed));
}

/** What is needed of a repository; of a path within, that alone. */
export async function chosenFiles(
  files: Files,
  { path }: RepoReference,
  choosing: HubOpening & { readonly prefers: "small" | "plain" },
): Promise<Needed> {
  if (path === undefined) return await neededFiles(files, choosing);
  if (isWeightFile(path)) return { paths: [path], kind: "file", path };
  const within = await neededFiles(files.at(path), choosing);
  const below = (name: string): string => (name === "" ? path : `${path}/${name}`);
  return { ...within, paths: within.paths.map(below), path: below(within.path) };
}

interface Found {
  readonly place: HubPlace;
  /** Whether the whole repository would give the same. */
  readonly isSure: boolean;
}

/** What the cache has, if it is all that is needed; otherwise what it lacks. */
async function openCached(
  files: Files,
  reference: RepoReference,
  opening: HubOpening,
): Promise<Found | CheckpointError> {
  try {
    const needed = await chosenFiles(files, reference, { ...opening, prefers: "plain" });
    for (const path of needed.paths) await files.open(path);
    return { place: await placeIn(files, needed, titleOf(reference, needed)), isSure: needed.isGuess !== true };
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
}

/** What would have to be asked for to get the same. */
const titleOf = (reference: RepoReference, { path }: Needed): string =>
  referenceName({ ...reference, path: path === "" ? undefined : path });

/** A file or folder of `files`, which messages call by what it was asked for. */
async function placeIn(files: Files, { kind, path }: Pick<Needed, "kind" | "path">, title: string): Promise<HubPlace> {
  if (files.path !== undefined) return { path: path === "" ? files.path : `${files.path}/${path}`, title };
  if (kind === "file") return await files.open(path);
  return path === "" ? files : files.at(path);
}

function refuseOffline(reference: HubReference, lacking: CheckpointError | undefined, { settings, store }: Hub): void {
  if (!settings.offline) return;
  const name = referenceName(reference);
  throw new CheckpointError(
    `Cannot find all of "${name}" in the cache "${store.name}", and ${store.advice.offline} forbids asking for it`,
    { code: "MODEL_NOT_FOUND", ...(lacking === undefined ? {} : { cause: lacking }) },
  );
}
