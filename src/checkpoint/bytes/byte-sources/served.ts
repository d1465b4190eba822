import { CheckpointError } from "../../errors.ts";
import type { ByteSource } from "../byte-source.ts";
import { checkRange } from "./bounds.ts";

/** How far a file has come that is fetched, in bytes. */
export interface Fetched {
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
}

/** What is known of a file from its first request; undefined where there is none. */
export interface KnownFile {
  readonly size: number;
  /** Its first bytes. */
  readonly first: Uint8Array;
  /** Tells it from later versions of itself, where the server says so. */
  readonly tag: string | undefined;
  /** All of it, where the server sent that. */
  readonly whole?: Blob;
}

type Headers = Readonly<Record<string, string>>;

/** How a file of a server is read. */
export interface ServedOptions {
  /** What messages call it; its URL where left out. */
  readonly name?: string | undefined;
  readonly onFetched?: ((fetched: Fetched) => void) | undefined;
  /** What is known of files by their URLs, which is not asked for again; what is found is put there. */
  readonly known?: Map<string, KnownFile | undefined> | undefined;
  /** Sent with every request. */
  readonly headers?: Headers | undefined;
}

/** Fetched at once on opening: whole configs, and most headers of weights. */
const FIRST_BYTES = 128 * 1024;
/** A file up to so many bytes is fetched whole with its first weights; of a larger one, what is asked for. */
const MOST_WHOLE = 128 * 2 ** 20;
/** A server that knows no ranges sends whole files, which are not taken beyond this. */
const MOST_UNASKED = 2 ** 31;

/** A file on a server that answers requests for ranges of bytes; undefined where there is none. */
export async function servedSource(url: string, options: ServedOptions = {}): Promise<ByteSource | undefined> {
  const { name = url, known } = options;
  const found = known?.has(url) ? known.get(url) : await look(url, name, options);
  known?.set(url, found);
  return found && sourceOf({ url, name, ...found }, options);
}

async function look(url: string, name: string, options: ServedOptions): Promise<KnownFile | undefined> {
  const response = await request(url, options, 0, FIRST_BYTES);
  if (response.status === 416) return { size: 0, first: new Uint8Array(), tag: undefined };
  // Servers of pages answer with the page where there is no such file.
  const isPage = response.headers.get("content-type")?.startsWith("text/html") === true;
  if (response.status === 404 || response.status === 410 || isPage) {
    await response.body?.cancel();
    return undefined;
  }
  const tag = tagOf(response);
  if (response.status === 206) {
    const first = await bytesOf(response, name);
    const size = sizeIn(response) ?? (first.length < FIRST_BYTES ? first.length : await askSize(url, options));
    return { size, first, tag };
  }
  if (!response.ok) throw new CheckpointError(`Cannot read "${name}": the server answers ${statusOf(response)}`);
  const length = Number(response.headers.get("content-length") ?? 0);
  if (length > MOST_UNASKED) {
    await response.body?.cancel();
    throw new CheckpointError(
      `Cannot read "${name}": the server answers requests for ranges of bytes with the whole file, which has ${length} bytes`,
    );
  }
  const whole = await wholeOf(response, { name, size: length, options });
  return { size: whole.size, first: new Uint8Array(), tag, whole };
}

interface Opened extends KnownFile {
  readonly url: string;
  readonly name: string;
}

function sourceOf(opened: Opened, options: ServedOptions): ByteSource {
  const { url, name, size, first, tag } = opened;
  let whole: Promise<Blob> | undefined = opened.whole && Promise.resolve(opened.whole);
  let ranged = 0;
  const fetchWhole = async (): Promise<Blob> => {
    const response = await request(url, options);
    if (!response.ok) throw new CheckpointError(`Cannot read "${name}": the server answers ${statusOf(response)}`);
    checkTag(response, tag, name);
    const blob = await wholeOf(response, { name, size, options });
    if (blob.size === size) return blob;
    throw new CheckpointError(`Cannot read "${name}": the server sent ${blob.size} of ${size} bytes`);
  };
  const blobOf = (): Promise<Blob> => {
    whole ??= fetchWhole().catch((error: unknown) => {
      whole = undefined; // a later read tries again
      throw error;
    });
    return whole;
  };
  const isSmall = size <= MOST_WHOLE || opened.whole !== undefined;
  return {
    name,
    identity: tag === undefined ? undefined : JSON.stringify([url, size, tag]),
    size,
    ...(isSmall
      ? {
          async blob(offset: number, length: number): Promise<Blob> {
            checkRange(name, size, offset, length);
            return (await blobOf()).slice(offset, offset + length);
          },
        }
      : {}),
    async read(offset, length) {
      checkRange(name, size, offset, length);
      if (offset + length <= first.length) return first.slice(offset, offset + length);
      if (whole !== undefined) {
        return new Uint8Array(await (await whole).slice(offset, offset + length).arrayBuffer());
      }
      if (length === 0) return new Uint8Array();
      const response = await request(url, options, offset, length);
      checkTag(response, tag, name);
      if (response.status !== 206) {
        await response.body?.cancel();
        throw new CheckpointError(
          `Cannot read ${length} bytes at ${offset} of "${name}": the server answers ${statusOf(response)}, 206 is required`,
        );
      }
      const bytes = await bytesOf(response, name);
      if (bytes.length !== length) {
        throw new CheckpointError(
          `Cannot read ${length} bytes at ${offset} of "${name}": the server sent ${bytes.length}`,
        );
      }
      ranged = Math.min(size, ranged + length);
      options.onFetched?.({ file: name, loaded: ranged, total: size });
      return bytes;
    },
  };
}

async function request(
  url: string,
  { name = url, headers: own }: ServedOptions,
  offset?: number,
  length = 0,
): Promise<Response> {
  const headers = { ...own, ...(offset === undefined ? {} : { range: `bytes=${offset}-${offset + length - 1}` }) };
  try {
    return await fetch(url, { headers });
  } catch (cause) {
    throw new CheckpointError(`Cannot read "${name}": the server cannot be reached`, { cause });
  }
}

async function bytesOf(response: Response, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw new CheckpointError(`Cannot read "${name}": the connection was lost`, { cause });
  }
}

/** The whole of a file as it comes. */
async function wholeOf(
  response: Response,
  { name, size, options }: { readonly name: string; readonly size: number; readonly options: ServedOptions },
): Promise<Blob> {
  const parts: Blob[] = [];
  let told = 0;
  let [pieces, held, loaded]: [Uint8Array<ArrayBuffer>[], number, number] = [[], 0, 0];
  const reader = response.body?.getReader();
  if (reader === undefined) return await response.blob();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value as Uint8Array<ArrayBuffer>);
      loaded += value.length;
      held += value.length;
      if (held >= PART_BYTES) {
        parts.push(new Blob(pieces)); // which the browser may put on its disk
        [pieces, held] = [[], 0];
      }
      if (loaded - told < TOLD_EVERY && loaded < size) continue;
      options.onFetched?.({ file: name, loaded, total: Math.max(size, loaded) });
      told = loaded;
    }
  } catch (cause) {
    throw new CheckpointError(`Cannot read "${name}": the connection was lost after ${loaded} bytes`, { cause });
  }
  return new Blob([...parts, ...pieces]);
}

/** Bytes from one report to the next. */
const TOLD_EVERY = 256 * 1024;
const PART_BYTES = 8 * 2 ** 20;

/** The size of the whole file, which a server of another origin may hide. */
function sizeIn(response: Response): number | undefined {
  const [, total] = /\/(\d+)\s*$/.exec(response.headers.get("content-range") ?? "") ?? [];
  return total === undefined ? undefined : Number(total);
}

async function askSize(url: string, { name = url, headers = {} }: ServedOptions): Promise<number> {
  const response = await fetch(url, { method: "HEAD", headers }).catch(() => undefined);
  const length = response?.ok ? response.headers.get("content-length") : null;
  if (length !== null && length !== undefined) return Number(length);
  throw new CheckpointError(
    `Cannot read "${name}": the server hides its size; it must expose the header Content-Range to pages of other origins`,
  );
}

const tagOf = ({ headers }: Response): string | undefined =>
  headers.get("etag") ?? headers.get("last-modified") ?? undefined;

function checkTag(response: Response, tag: string | undefined, name: string): void {
  const now = tagOf(response);
  if (tag === undefined || now === undefined || now === tag) return;
  void response.body?.cancel();
  throw new CheckpointError(`Cannot read "${name}": it has been changed since it was opened`);
}

const statusOf = ({ status, statusText }: Response): string =>
  statusText === "" ? `${status}` : `${status} ${statusText}`;
