import { missingPackage } from "./missing-package.ts";
import type { Server, ServerOptions, Sources } from "./options.ts";

/** Answers requests; it may be mounted wherever a function from `Request` to `Response` is taken. */
export interface Handler extends AsyncDisposable {
  (request: Request): Promise<Response>;
  /** Resolves when the server can answer; rejects where a package is missing. */
  readonly ready: Promise<void>;
  /** Takes no more jobs, gives up those that wait and resolves when what runs has ended; the signal ends that, too. */
  close(signal?: AbortSignal): Promise<void>;
}

/**
 * A server for models by name, or for one that is open: OpenAI's images API, AUTOMATIC1111's, jobs, health and metrics. It takes
 * the packages hono, @hono/zod-openapi, zod and prom-client.
 */
export function handler(models: Sources, options: ServerOptions = {}): Handler {
  const opened = load(models, options);
  const ready = opened.then(() => {});
  ready.catch(() => {}); // whoever asks is told
  const close = async (signal?: AbortSignal): Promise<void> => {
    await (await opened.catch(() => undefined))?.close(signal);
  };
  return Object.assign(async (request: Request) => await (await opened).answer(request), {
    ready,
    close,
    [Symbol.asyncDispose]: () => close(AbortSignal.abort()),
  });
}

async function load(models: Sources, options: ServerOptions): Promise<Server> {
  try {
    const { openServer } = await import("./server.ts");
    return openServer(models, options);
  } catch (error) {
    throw missingPackage(error, "Cannot serve");
  }
}
