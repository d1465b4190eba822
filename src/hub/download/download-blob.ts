import { DeepCacheError } from "../../errors/deepcache-error.ts";
import { hubError, type Wanted } from "../errors.ts";
import { RedirectError } from "../http/request.ts";
import { MOST_ATTEMPTS, Passing, passing, waitBeforeRetry } from "../http/retry.ts";
import type { PartialFile, RepoStore } from "../store.ts";
import type { BlobRequest, DownloadContext } from "./blob-request.ts";
import { digestFor } from "./checksum.ts";
import { type Received, receive, Stale, type Standing } from "./receive.ts";

/** A blob, and what its server calls the file. */
export interface Downloaded {
  readonly blob: string;
  readonly fileName: string | undefined;
}

/** How often a download begins again because what has come does not add up. */
const MOST_BEGINNINGS = 3;

/**
 * Downloads a file, going on after what is there of it. What does not add up, because the file changed on the way or the
 * server sends other bytes than it says, is begun again; nothing becomes a blob before its digest is the promised one.
 */
export async function downloadBlob(asked: BlobRequest, repo: RepoStore, context: DownloadContext): Promise<Downloaded> {
  const { effects, signal } = context;
  await using file = await repo.openPartial(asked.key);
  const standing = await standingOf(file, asked, context);
  let [failures, beginnings] = [0, 1];
  for (;;) {
    const before = file.size;
    try {
      signal?.throwIfAborted();
      const received = await receive(asked, standing, context);
      checkDigest(asked, received);
      await file.finish(received.hex);
      return { blob: received.hex, fileName: received.fileName };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof Stale) {
        await beginAgain(standing, asked, context);
        beginnings++;
        if (beginnings <= MOST_BEGINNINGS) continue;
        await file.discard();
        throw failure(asked.wanted, error);
      }
      const next = passing(error);
      if (!(next instanceof Passing)) throw next instanceof RedirectError ? failure(asked.wanted, next) : next;
      failures = file.size > before ? 1 : failures + 1;
      if (failures >= MOST_ATTEMPTS)
        throw next.cause instanceof DeepCacheError ? next.cause : failure(asked.wanted, next);
      await waitBeforeRetry(next, failures, effects, signal);
    }
  }
}

/** What is there is read again, since another process may have written it. */
async function standingOf(
  file: PartialFile,
  asked: BlobRequest,
  { store, signal }: DownloadContext,
): Promise<Standing> {
  const digest = digestFor(store, asked.checksum, asked.size);
  for await (const bytes of file.bytes()) {
    signal?.throwIfAborted();
    digest.update(bytes);
  }
  return { file, digest };
}

async function beginAgain(standing: Standing, asked: BlobRequest, { store }: DownloadContext): Promise<void> {
  await standing.file.restart(undefined);
  standing.digest = digestFor(store, asked.checksum, asked.size);
}

function checkDigest({ checksum }: BlobRequest, { hex }: Received): void {
  if (checksum === undefined || hex === checksum.value) return;
  throw new Stale(`its digest is ${hex}, ${checksum.value} is required; the server sends another file than it says`);
}

function failure({ name, file }: Wanted, reason: Error): DeepCacheError {
  const what = file === undefined ? `"${name}"` : `"${file}" of "${name}"`;
  return hubError("DOWNLOAD_FAILED", `Cannot download ${what}: ${reason.message}`, reason);
}
