import { lstat, readdir, readFile, realpath, rm } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { OWNER_TOKEN } from "../../../checkpoint/files/owner.ts";
import { hubError } from "../../errors.ts";
import { heldLocks } from "./blob-lock.ts";
import { sizeOfFile } from "./size-of-file.ts";

/** One commit of a model in the cache. */
export interface CachedRevision {
  readonly commit: string;
  /** Branches and tags that were at this commit when they were last asked for. */
  readonly refs: readonly string[];
  readonly files: number;
  /** Bytes of its files; revisions may share some. */
  readonly size: number;
}

/** What a cache holds of one model. */
export interface CachedModel {
  /** "org/name", or the host and name of what came from an address. */
  readonly id: string;
  readonly folder: string;
  /** Bytes on disk, also of what is on its way. */
  readonly size: number;
  /** Bytes of what is on its way. */
  readonly incomplete: number;
  readonly revisions: readonly CachedRevision[];
}

const PREFIX = "models--";

/** The models in a cache, also those that other programs put there. */
export async function cachedModels(cache: string): Promise<readonly CachedModel[]> {
  const names = (await namesIn(cache)).filter((name) => name.startsWith(PREFIX)).sort();
  return await Promise.all(names.map((name) => cachedModel(join(cache, name))));
}

async function cachedModel(folder: string): Promise<CachedModel> {
  const commits = [...(await namesIn(join(folder, "snapshots")))].sort();
  const refs = await refsOf(join(folder, "refs"));
  const revisions = await Promise.all(
    commits.map(async (commit) => {
      const files = await filesBelow(join(folder, "snapshots", commit));
      const sizes = await Promise.all(files.map(async (file) => (await sizeOfFile(file)) ?? 0));
      const own = refs.filter(([, at]) => at === commit).map(([ref]) => ref);
      return { commit, refs: own, files: files.length, size: sum(sizes) };
    }),
  );
  const blobs = await filesBelow(join(folder, "blobs"));
  const sizes = await Promise.all(blobs.map(async (path) => ({ path, size: (await sizeOfFile(path)) ?? 0 })));
  const unlinked = revisions.length > 0 && blobs.length === 0 ? Math.max(...revisions.map(({ size }) => size)) : 0;
  return {
    id: basename(folder).slice(PREFIX.length).replaceAll("--", "/"),
    folder,
    size: sum(sizes.map(({ size }) => size)) + unlinked,
    incomplete: sum(sizes.filter(({ path }) => path.endsWith(".incomplete")).map(({ size }) => size)),
    revisions,
  };
}

/** What was removed. */
export interface Removal {
  /** Bytes that are free now. */
  readonly freed: number;
}

/**
 * Removes a model from a cache, or one revision of it and what no other revision needs; refused while a process downloads
 * it. A revision is a commit, its first digits, or a branch or tag.
 */
export async function removeModel(cache: string, id: string, revision?: string): Promise<Removal> {
  const name = `${PREFIX}${id.replaceAll("/", "--")}`;
  const model = (await cachedModels(cache)).find(({ folder }) => basename(folder) === name);
  if (model === undefined)
    throw hubError("MODEL_NOT_FOUND", `Cannot remove "${id}": the cache "${cache}" does not hold it`);
  const locks = join(cache, ".locks", name);
  await refuseIfBusy(locks, id);
  const found = revision === undefined ? model.revisions : revisionsNamed(model, revision);
  if (revision !== undefined && found.length === 0) {
    throw hubError(
      "MODEL_NOT_FOUND",
      `Cannot remove "${id}@${revision}": the cache holds ${model.revisions.map(({ commit, refs }) => refs[0] ?? commit).join(", ")} of it`,
    );
  }
  if (found.length === model.revisions.length) {
    await rm(model.folder, { recursive: true, force: true });
    await rm(locks, { recursive: true, force: true });
    return { freed: model.size };
  }
  for (const { commit, refs } of found) {
    for (const ref of refs) await rm(join(model.folder, "refs", ...ref.split("/")), { force: true });
    await rm(join(model.folder, "snapshots", commit), { recursive: true, force: true });
  }
  return { freed: await removeUnused(model.folder) };
}

const revisionsNamed = ({ revisions }: CachedModel, name: string): readonly CachedRevision[] =>
  revisions.filter(({ commit, refs }) => refs.includes(name) || (name.length >= 6 && commit.startsWith(name)));

/** Removes blobs that no snapshot leads to; gives their bytes. */
async function removeUnused(folder: string): Promise<number> {
  const used = new Set<string>();
  for (const file of await filesBelow(join(folder, "snapshots"))) {
    used.add(await realpath(file).catch(() => file));
  }
  let freed = 0;
  for (const blob of await filesBelow(join(folder, "blobs"))) {
    if (blob.endsWith(".incomplete") || used.has(await realpath(blob).catch(() => blob))) continue;
    freed += (await sizeOfFile(blob)) ?? 0;
    await rm(blob, { force: true });
  }
  return freed;
}

const LOCK = new RegExp(`^(.+)\\.${OWNER_TOKEN}\\.lock$`);

async function refuseIfBusy(locks: string, id: string): Promise<void> {
  for (const name of await namesIn(locks)) {
    const key = LOCK.exec(name)?.[1];
    if (key !== undefined && (await heldLocks(locks, key)).length > 0) {
      throw hubError("DOWNLOAD_FAILED", `Cannot remove "${id}": it is being downloaded`);
    }
  }
}

/** Names of branches and tags with their commits. */
async function refsOf(folder: string): Promise<readonly (readonly [string, string])[]> {
  const files = await filesBelow(folder);
  return await Promise.all(
    files.map(async (file) => {
      const commit = (await readFile(file, "utf8").catch(() => "")).trim();
      return [relative(folder, file).replaceAll(sep, "/"), commit] as const;
    }),
  );
}

const namesIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith("."));

async function filesBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if ((await lstat(path)).isDirectory()) found.push(...(await filesBelow(path)));
    else found.push(path);
  }
  return found;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
