import { DeepCacheError } from "../../errors/deepcache-error.ts";
import { LIMITS } from "../../errors/limits.ts";
import type { HubEffects } from "../effects.ts";
import { hubError, statusError, type Wanted } from "../errors.ts";
import { type HubRequest, RedirectError, request } from "./request.ts";
import { askedWait, isPassing, MOST_ATTEMPTS, Passing, passing, waitBeforeRetry } from "./retry.ts";
import { patience } from "./with-timeout.ts";

/** How something small is asked for. */
export interface SmallRequest extends Omit<HubRequest, "signal"> {
  readonly url: URL;
  readonly wanted: Wanted;
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer with all of its body. */
export interface SmallFile {
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** Attempts to reach a host that nobody reaches: who has no network should not wait for it. */
const MOST_UNREACHED = 2;

/** Asks for something small, again where that may help; anything but success is an error that says what to do. */
export async function smallFile(asked: SmallRequest, effects: HubEffects): Promise<SmallFile> {
  const { signal } = asked;
  for (let failures = 1; ; failures++) {
    try {
      return await once(asked, effects);
    } catch (error) {
      signal?.throwIfAborted();
      const next = passing(error);
      const isLast = !(next instanceof Passing) || failures >= (next.isFar ? MOST_UNREACHED : MOST_ATTEMPTS);
      if (!isLast) await waitBeforeRetry(next, failures, effects, signal);
      else if (next instanceof RedirectError || next instanceof Passing) throw unreached(asked, next);
      else throw next;
    }
  }
}

/** What a server said goes before what the connection did. */
function unreached({ url, wanted }: SmallRequest, error: Error): DeepCacheError {
  if (error.cause instanceof DeepCacheError) return error.cause;
  return hubError("DOWNLOAD_FAILED", `Cannot reach ${url.host} for "${wanted.name}": ${error.message}`, error);
}

async function once(
  { url, wanted, timeout, signal, ...asked }: SmallRequest,
  { fetch }: HubEffects,
): Promise<SmallFile> {
  using waiting = patience(timeout, signal);
  const response = await waiting.during(() => request(url, { ...asked, signal: waiting.signal }, fetch));
  const { status, headers } = response;
  if (isPassing(status)) {
    const cause = statusError(response, wanted);
    throw new Passing(cause.message, { cause, wait: askedWait(response) });
  }
  // What leads elsewhere is asked for its headers alone.
  if (status >= 400 || (status >= 300 && asked.staysAtHome !== true)) throw statusError(response, wanted);
  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader = asked.method === "HEAD" ? undefined : response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await waiting.during(() => reader.read());
    if (done) break;
    pieces.push(value);
    size += value.length;
    if (size > LIMITS.json.bytes.most) {
      throw hubError(
        "DOWNLOAD_FAILED",
        `Cannot read "${wanted.name}" of ${url.host}: it has more than ${LIMITS.json.bytes.most} bytes`,
      );
    }
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { headers, bytes };
}
