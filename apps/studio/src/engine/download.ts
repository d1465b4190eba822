import type { ServedFile } from "./model-store.ts";

/** A download as far as it is. */
export interface Stored {
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
  /** Whether the connection broke here, and is about to be tried again. */
  readonly isBroken?: boolean;
}

/** Milliseconds before each further attempt in a row that brings nothing; there are no more attempts than these. */
const WAITS = [250, 500, 1000, 2000, 4000];
/** What came is written for good after so many bytes: a page that is closed in the middle loses no more. */
const PIECE = 4e6;

/** How a file is brought. */
export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly sleep?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** What may well succeed the next time. */
class Broken extends Error {}

/** What will not. */
class Refused extends Error {}

/** Brings a file into `part`, from the byte on where that ends. Connections that break are tried again. */
export async function* download(
  part: FileSystemFileHandle,
  url: string,
  { path, bytes }: ServedFile,
  { signal, sleep = pause }: DownloadOptions = {},
): AsyncGenerator<Stored, void> {
  let loaded = (await part.getFile()).size;
  if (loaded > bytes) loaded = 0;
  let furthest = loaded;
  let failures = 0;
  while (loaded < bytes) {
    let why: unknown;
    try {
      for await (const now of received(part, url, loaded, signal)) {
        loaded = now;
        yield { file: path, loaded, total: bytes };
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw refused(path, error);
      why = error;
    }
    if (loaded >= bytes) return;
    failures = loaded > furthest ? 1 : failures + 1;
    furthest = Math.max(furthest, loaded);
    const wait = WAITS[failures - 1];
    if (wait === undefined) throw brokenOff(path, loaded, bytes, why);
    yield { file: path, loaded, total: bytes, isBroken: true };
    await sleep(wait, signal);
    loaded = (await part.getFile()).size;
  }
}

/** Why no further attempt is made. */
const refused = (path: string, error: unknown): unknown =>
  error instanceof Refused ? new Error(`Cannot fetch ${path}: ${error.message}`, { cause: error }) : error;

const brokenOff = (path: string, loaded: number, bytes: number, cause: unknown): Error => {
  const reason = (cause as Error | undefined)?.message ?? "the connection broke";
  return new Error(
    `Cannot fetch ${path}: ${reason} after ${loaded} of ${bytes} bytes, and ${WAITS.length} more attempts brought nothing; try again`,
    { cause },
  );
};

/** How far `part` is, piece by piece as the server sends it. */
async function* received(
  part: FileSystemFileHandle,
  url: string,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<number, void> {
  const response = await answer(url, from, signal);
  const reader = (response.body ?? new Blob([]).stream()).getReader();
  let loaded = response.status === 206 ? from : 0;
  let kept = loaded;
  const openAt = async (at: number): Promise<FileSystemWritableFileStream> => {
    const sink = await part.createWritable({ keepExistingData: at > 0 });
    await sink.seek(at);
    return sink;
  };
  let sink = await openAt(loaded);
  try {
    while (true) {
      const { done, value } = await passing(reader.read(), signal);
      if (done) return;
      await sink.write(value as Uint8Array<ArrayBuffer>);
      loaded += value.length;
      if (loaded - kept >= PIECE) {
        await sink.close();
        kept = loaded;
        sink = await openAt(loaded);
      }
      yield loaded;
    }
  } finally {
    await reader.cancel().catch(() => {});
    await sink.close().catch(() => {});
  }
}

async function answer(url: string, from: number, signal: AbortSignal | undefined): Promise<Response> {
  const asked = fetch(url, {
    signal: signal ?? null,
    // It is kept here already; and a cache that holds a broken answer would give it again.
    cache: "no-store",
    ...(from > 0 ? { headers: { range: `bytes=${from}-` } } : {}),
  });
  const response = await passing(asked, signal);
  if (response.ok) return response;
  const reason = `the status of the answer is ${response.status}`;
  if (response.status >= 500 || response.status === 408 || response.status === 429) throw new Broken(reason);
  throw new Refused(reason);
}

/** What the network gives; browsers tell of all that goes wrong with it in the same words. */
async function passing<T>(asked: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Broken("the connection broke", { cause });
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => resolve(), { once: true });
  });
  signal?.throwIfAborted();
}
