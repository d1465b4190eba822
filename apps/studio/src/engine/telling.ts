import { inbox } from "deepcache/remote/inbox.ts";
import type { OpenEvent } from "./engine.ts";

/** What `work` gives last, and before that what it tells of on its way. */
export async function* telling<T>(
  work: (tell: (event: OpenEvent) => void) => Promise<T>,
): AsyncGenerator<OpenEvent, T> {
  const events = inbox<OpenEvent>();
  const done = work((event) => events.put(event));
  done.then(
    () => events.close(),
    (error: unknown) => events.close(error),
  );
  yield* events;
  return await done;
}

/** How far files are that come from a server or a hub, or are converted. */
interface Progress {
  readonly status?: string;
  readonly file?: string;
  readonly fileLoaded?: number | undefined;
  readonly fileTotal?: number | undefined;
  readonly loaded: number;
  readonly total?: number | undefined;
  readonly rate?: number;
}

/** The same as the studio hears it: of one file, and of all where that is known. */
export function bytesOf(progress: Progress): OpenEvent & { readonly type: "bytes" } {
  const { status, file = "", fileLoaded, fileTotal, loaded, total = loaded, rate = 0 } = progress;
  if (fileLoaded === undefined) {
    return { type: "bytes", file: status === "converting" ? "conversion" : file, loaded, total };
  }
  return { type: "bytes", file, loaded: fileLoaded, total: fileTotal ?? fileLoaded, all: { loaded, total, rate } };
}
