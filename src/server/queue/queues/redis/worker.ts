import { type Job, WaitingError, Worker } from "bullmq";
import type { ObjectStore } from "../../../objects/object-store.ts";
import { failureOf, Refusal } from "../../../refusal.ts";
import type { JobEvent, JobResult } from "../../job.ts";
import type { Work } from "../../queue.ts";
import { connected, listen, ownConnection, PREFIX, queueName, queuePrefix, type RedisPlace } from "./connection.ts";
import { journal } from "./journal.ts";

/** How a worker is set up. */
export interface RedisWorkerOptions<Result = JobResult> extends RedisPlace {
  readonly work: Work<Result>;
  /** The models whose jobs it takes. */
  readonly models: readonly string[];
  readonly keptSeconds?: number | undefined;
  readonly keptBytes?: number | undefined;
  /** Milliseconds after which a worker that gives no sign of life has lost its job to others. */
  readonly patience?: number | undefined;
  readonly now?: (() => number) | undefined;
  /** Where the queue's servers keep pictures. */
  readonly store?: ObjectStore | undefined;
  /** Told of failures with their cause. */
  readonly onFailure?: ((id: string, error: unknown) => void) | undefined;
}

/** Does jobs of a queue in Redis, one at a time. */
export interface RedisWorker extends AsyncDisposable {
  /** Takes no more; what runs may end, or is given back where the signal comes first. */
  close(signal?: AbortSignal): Promise<void>;
}

const GIVEN_BACK = Symbol("given back");

/** Starts to take jobs. */
export async function redisWorker<Result = JobResult>(options: RedisWorkerOptions<Result>): Promise<RedisWorker> {
  const { url, prefix = PREFIX, work, models, keptSeconds = 3600, patience = 15_000, now = Date.now } = options;
  const { onFailure = () => {}, keptBytes, store } = options;
  const redis = connected(url);
  redis.on("error", () => {});
  const notes = journal<Result>(redis, prefix, { keptSeconds, keptBytes, now, store });
  const active = new Map<string, AbortController>();
  const endCancelled = async (id: string): Promise<void> => {
    for (const [job, controller] of active) {
      if (id === job || (id === "" && (await notes.isToBeCancelled(job)))) controller.abort();
    }
  };
  const cancels = await listen(url, `${prefix}:cancel`, (id) => void endCancelled(id).catch(() => {}));
  let isGivingBack = false;
  /** Jobs of several models take turns. */
  let turn: Promise<unknown> = Promise.resolve();

  const processJob = async (job: Job, token = ""): Promise<void> => {
    const { id = "" } = job;
    const held = await notes.hold(id, token).catch(async (error: unknown) => {
      if (!(error instanceof Refusal)) throw error; // Redis may be there again at the next attempt
      onFailure(id, error);
      await notes.tell(id, { type: "failed", failure: failureOf(error) }, token);
      return undefined;
    });
    if (held === undefined) return;
    const controller = new AbortController();
    active.set(id, controller);
    let last: Promise<unknown> = Promise.resolve();
    const tell = (event: JobEvent<Result>): void => {
      last = last.then(() => notes.tell(id, event, token)).catch(() => {});
    };
    try {
      if (isGivingBack) controller.abort(GIVEN_BACK); // it was on its way while the worker was stopped
      if (held.cancelled || (await notes.isToBeCancelled(id))) controller.abort();
      controller.signal.throwIfAborted();
      tell({ type: "running" });
      await last;
      const result = await work(held.request, {
        signal: controller.signal,
        tell: (event) => tell(event as JobEvent<Result>), // its result it gives at the end
      });
      tell({ type: "done", result });
    } catch (error) {
      const { signal } = controller;
      if (signal.aborted && signal.reason === GIVEN_BACK) {
        tell({ type: "waiting", position: 0 });
        await last;
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (signal.aborted) return tell({ type: "cancelled" });
      onFailure(id, error);
      const failure = failureOf(error);
      if (failure.status >= 500 && job.attemptsMade + 1 < (job.opts.attempts ?? 1)) {
        tell({ type: "waiting", position: 0 });
        throw error;
      }
      tell({ type: "failed", failure });
    } finally {
      await last;
      active.delete(id);
    }
  };

  const inTurn = (job: Job, token?: string): Promise<void> => {
    const own = turn.then(() => processJob(job, token));
    turn = own.catch(() => {});
    return own;
  };
  const settings = { prefix: queuePrefix(prefix), concurrency: 1, maxStalledCount: 5 };
  const workers = models.map(
    (model) =>
      new Worker(queueName(model), inTurn, {
        ...settings,
        connection: ownConnection(url),
        lockDuration: patience,
        stalledInterval: patience / 2,
      }),
  );
  for (const worker of workers) {
    worker.on("error", () => {}); // it goes on by itself
    worker.on("failed", (job, error) => {
      // Workers that died with it, time and again: nobody else says so.
      const id = job?.id;
      if (id === undefined || active.has(id) || !/stalled/.test(error.message)) return;
      void notes.tell(id, { type: "failed", failure: failureOf(error) });
    });
  }
  const announce = async (): Promise<void> => {
    const until = now() + 3 * ANNOUNCED;
    await redis.hset(`${prefix}:models`, Object.fromEntries(models.map((model) => [model, until])));
  };
  await announce();
  const timer = setInterval(() => void announce().catch(() => {}), ANNOUNCED);

  const close = async (signal?: AbortSignal): Promise<void> => {
    clearInterval(timer);
    const giveBack = (): void => {
      isGivingBack = true;
      for (const controller of active.values()) controller.abort(GIVEN_BACK);
    };
    if (signal?.aborted === true) giveBack();
    signal?.addEventListener("abort", giveBack, { once: true });
    await Promise.all(workers.map((worker) => worker.close()));
    signal?.removeEventListener("abort", giveBack);
  };
  return {
    close,
    async [Symbol.asyncDispose]() {
      await close(AbortSignal.abort());
      await cancels[Symbol.asyncDispose]();
      redis.disconnect();
    },
  };
}

/** Milliseconds between two announcements of the models that a worker has. */
export const ANNOUNCED = 3000;
