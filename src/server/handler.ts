import { missingPackage, REDIS_PACKAGES } from "./missing-package.ts";
import type { Server, ServerOptions, Sources } from "./options.ts";
import type { Shared } from "./queue/shared.ts";

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
  const { redis } = options;
  const shared = redis === undefined ? undefined : await share(models, options, redis);
  try {
    const { openServer } = await import("./server.ts");
    return openServer(models, options, shared);
  } catch (error) {
    throw missingPackage(error, "Cannot serve");
  }
}

async function share(
  models: Sources,
  { limits = {}, maxQueue, rate, apiKey = [], store }: ServerOptions,
  url: string,
): Promise<Shared> {
  if (typeof models === "function" || Object.keys(models).length > 0) {
    throw new TypeError("Cannot serve models and a Redis: its workers have the models");
  }
  try {
    const { openShared } = await import("./queue/queues/redis/shared.ts");
    const waiting = maxQueue ?? limits.waiting;
    const waitingOfOne = limits.waitingOfOne ?? ([apiKey].flat().length > 1 ? undefined : waiting);
    const { waitingBytes, keptBytes } = limits;
    return await openShared({ url, waiting, waitingOfOne, perMinute: rate, waitingBytes, keptBytes, store });
  } catch (error) {
    throw missingPackage(error, "Cannot use Redis", REDIS_PACKAGES);
  }
}
