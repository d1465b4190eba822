import { hubError, statusError } from "../errors.ts";
import { request } from "../http/request.ts";
import { askedWait, isPassing, Passing } from "../http/retry.ts";
import { type Patience, patience } from "../http/with-timeout.ts";
import type { Digest, PartialFile } from "../store.ts";
import type { BlobRequest, DownloadContext } from "./blob-request.ts";
import { digestFor } from "./checksum.ts";
import { fileNameIn, lengthOf, partOf, validatorOf } from "./content-range.ts";
import { requireSpace } from "./space.ts";

/** What has come of a file, and the digest of it so far. */
export interface Standing {
  readonly file: PartialFile;
  digest: Digest;
}

/** A file that is all there. */
export interface Received {
  readonly hex: string;
  readonly fileName: string | undefined;
}

/** What is there is not of the file that the server has: begin again. */
export class Stale extends Error {
  override readonly name = "Stale";
}

/** Receives what is missing, by one request; throws where not all of it comes. */
export async function receive(asked: BlobRequest, standing: Standing, context: DownloadContext): Promise<Received> {
  const { file } = standing;
  const { effects, timeout, signal } = context;
  if (asked.size !== undefined && asked.checksum !== undefined && file.size === asked.size) {
    return { hex: standing.digest.hex(), fileName: undefined };
  }
  if (asked.size !== undefined && file.size > asked.size) throw new Stale("more of it is there than it has");
  // Without a digest to hold it to, only the server can tell whether what is there is of the same file.
  if (file.size > 0 && asked.checksum === undefined && file.validator === undefined)
    throw new Stale("it may have changed");
  using waiting = patience(timeout, signal);
  const response = await waiting.during(() =>
    request(
      asked.url,
      { headers: rangeHeaders(file, asked), token: asked.token, signal: waiting.signal },
      effects.fetch,
    ),
  );
  checkAnswer(response, asked);
  const total = await settleStart(response, asked, standing, context);
  if (asked.size === undefined && total !== undefined) {
    await requireSpace(asked.wanted.name, total - file.size, context.store);
  }
  await takeBody(response, total, standing, { ...context, waiting });
  if (total !== undefined && file.size < total) {
    throw new Passing(`the connection ended after ${file.size} of ${total} bytes`);
  }
  return { hex: standing.digest.hex(), fileName: fileNameIn(response) };
}

/** What has a digest needs no condition, for which browsers would ask servers of other origins first. */
function rangeHeaders({ size, validator }: PartialFile, { checksum }: BlobRequest): Readonly<Record<string, string>> {
  if (size === 0) return {};
  const condition = validator === undefined || checksum !== undefined ? {} : { "if-range": validator };
  return { range: `bytes=${size}-`, ...condition };
}

function checkAnswer(response: Response, { wanted, refusesPages }: BlobRequest): void {
  const { status } = response;
  if (status === 416) throw new Stale("the server does not have what is missing of it");
  if (isPassing(status)) {
    const cause = statusError(response, wanted);
    throw new Passing(cause.message, { cause, wait: askedWait(response) });
  }
  if (status !== 200 && status !== 206) throw statusError(response, wanted);
  if (refusesPages && /^\s*text\/html\b/i.test(response.headers.get("content-type") ?? "")) {
    throw hubError(
      "DOWNLOAD_FAILED",
      `Cannot download "${wanted.name}": a page is there, not a file; give the address of the file itself, or the key that its host wants`,
    );
  }
}

/** Makes the file ready for the body, which may begin where it ends or at its own beginning; gives the size of the whole. */
async function settleStart(
  response: Response,
  asked: BlobRequest,
  standing: Standing,
  { store }: DownloadContext,
): Promise<number | undefined> {
  const { file } = standing;
  const version = validatorOf(response);
  if (response.status === 200) {
    if (file.size > 0) standing.digest = digestFor(store, asked.checksum, asked.size);
    await file.restart(version);
    return asked.size ?? lengthOf(response);
  }
  const said = response.headers.get("content-range");
  // Servers of other origins may hide it from a page; then the digest tells what has come.
  const isHidden = said === null && asked.checksum !== undefined;
  const part = isHidden ? { start: file.size, total: undefined } : partOf(said);
  if (part === undefined || part.start !== file.size)
    throw new Stale("the server sends another part than it was asked for");
  if (asked.size !== undefined && part.total !== undefined && part.total !== asked.size) {
    throw new Stale(`it has ${part.total} bytes, ${asked.size} are required`);
  }
  if (version !== undefined && file.validator !== undefined && version !== file.validator)
    throw new Stale("it has changed");
  return asked.size ?? part.total;
}

/** Bytes beyond `total` are left out: whether the others are right shows by their digest. */
async function takeBody(
  response: Response,
  total: number | undefined,
  { file, digest }: Standing,
  { waiting, onBytes }: DownloadContext & { readonly waiting: Patience },
): Promise<void> {
  const reader = response.body?.getReader();
  onBytes?.(file.size, total);
  while (reader !== undefined && (total === undefined || file.size < total)) {
    const { done, value } = await waiting.during(() => reader.read());
    if (done) return;
    const bytes = total === undefined ? value : value.subarray(0, total - file.size);
    await file.append(bytes);
    digest.update(bytes);
    onBytes?.(file.size, total);
  }
}
