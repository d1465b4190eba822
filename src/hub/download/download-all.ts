import type { DownloadProgress } from "../hub-options.ts";
import type { RepoStore } from "../store.ts";
import type { BlobRequest, DownloadContext } from "./blob-request.ts";
import { type Downloaded, downloadBlob } from "./download-blob.ts";
import { progressCounter } from "./progress.ts";
import { requireSpace } from "./space.ts";

/** What is downloaded together. */
export interface Batch {
  /** For messages and progress. */
  readonly name: string;
  readonly repo: RepoStore;
  readonly files: readonly (BlobRequest & { readonly path: string })[];
}

/** How files are downloaded together. */
export interface BatchContext extends Omit<DownloadContext, "onBytes"> {
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** Files that come at the same time. */
const TOGETHER = 4;

/**
 * Downloads files, some at a time, those that are not there yet; gives their blobs by path. The first that fails ends the
 * others. Where the disk has no room for all of them, none is begun.
 */
export async function downloadAll(
  { name, repo, files }: Batch,
  context: BatchContext,
): Promise<ReadonlyMap<string, Downloaded>> {
  const { store, effects, onProgress } = context;
  const states = await Promise.all(
    files.map(async ({ path, key, size, checksum }) => ({
      path,
      size,
      loaded: await loadedOf({ key, size, checksum }, repo),
    })),
  );
  const missing = states.reduce((sum, { size = 0, loaded }) => sum + Math.max(0, size - loaded), 0);
  await requireSpace(name, missing, store);
  const counter = progressCounter(name, states, effects.now, onProgress ?? (() => {}));
  const ended = new AbortController();
  const signal = context.signal === undefined ? ended.signal : AbortSignal.any([context.signal, ended.signal]);
  const found = new Map<string, Downloaded>();
  const waiting = [...files];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { path } = file;
      const onBytes = (loaded: number, total: number | undefined): void => counter.note(path, loaded, total);
      found.set(path, await ensureBlob(file, repo, { ...context, signal, onBytes }));
    }
  };
  const workers = Array.from({ length: TOGETHER }, async () => {
    try {
      await work();
    } catch (error) {
      ended.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(workers); // nothing is written any more when this is over
  context.signal?.throwIfAborted();
  if (ended.signal.aborted) throw ended.signal.reason;
  return found;
}

/** A blob that is there already, perhaps since another process had it in hand a moment ago, or one that is downloaded. */
async function ensureBlob(asked: BlobRequest, repo: RepoStore, context: DownloadContext): Promise<Downloaded> {
  const { checksum, size, key } = asked;
  const isThere = async (): Promise<boolean> => {
    if (checksum === undefined) return false;
    const found = await repo.sizeOf(checksum.value);
    return found !== undefined && (size === undefined || found === size);
  };
  const there = { blob: checksum?.value ?? "", fileName: undefined };
  if (await isThere()) return noted(there, size, context);
  await using _ = await repo.lock(key, context.signal);
  if (await isThere()) return noted(there, size, context);
  return await downloadBlob(asked, repo, context);
}

function noted(found: Downloaded, size: number | undefined, { onBytes }: DownloadContext): Downloaded {
  if (size !== undefined) onBytes?.(size, size);
  return found;
}

async function loadedOf(
  { key, size, checksum }: Pick<BlobRequest, "key" | "size" | "checksum">,
  repo: RepoStore,
): Promise<number> {
  const whole = checksum === undefined ? undefined : await repo.sizeOf(checksum.value);
  return whole ?? Math.min(await repo.partialSize(key), size ?? Number.POSITIVE_INFINITY);
}
