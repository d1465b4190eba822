import { Queue } from "bullmq";
import { LIMITS } from "../../../../errors/limits.ts";
import type { ObjectStore } from "../../../objects/object-store.ts";
import { Refusal, tooManyBytes, tooOften } from "../../../refusal.ts";
import { isEnd, type JobRequest, type JobResult, type NumberedEvent } from "../../job.ts";
import type { EventsOptions, JobQueue } from "../../queue.ts";
import { connected, listen, ownConnection, PREFIX, queueName, queuePrefix, type RedisPlace } from "./connection.ts";
import { journal, REFUSED } from "./journal.ts";

/** How a queue in Redis is set up. */
export interface RedisQueueOptions extends RedisPlace {
  readonly waiting?: number | undefined;
  readonly waitingOfOne?: number | undefined;
  readonly perMinute?: number | undefined;
  /** Bytes of pictures in jobs that wait, and of what those have made that have ended. */
  readonly waitingBytes?: number | undefined;
  readonly keptBytes?: number | undefined;
  /** For how many seconds jobs are kept after their end. */
  readonly keptSeconds?: number | undefined;
  /** How often a job is begun at most, where workers fail. */
  readonly attempts?: number | undefined;
  readonly now?: (() => number) | undefined;
  /** Where pictures lie that are not to lie in Redis; its workers must have the same. */
  readonly store?: ObjectStore | undefined;
}

/** A queue in Redis, on BullMQ: jobs that workers of any number of machines do. What waits outlives this process. */
export async function redisQueue<Result = JobResult>(options: RedisQueueOptions): Promise<JobQueue<Result>> {
  const { url, prefix = PREFIX, keptSeconds = 3600, attempts = 3, now = Date.now } = options;
  const { perMinute, keptBytes, store, waitingBytes: mostBytes = LIMITS.server.waitingBytes.most } = options;
  const { waiting: most = LIMITS.server.waiting.most } = options;
  const { waitingOfOne: mostOfOne = Math.min(most, LIMITS.server.waitingOfOne.most) } = options;
  const redis = connected(url);
  redis.on("error", () => {});
  const notes = journal<Result>(redis, prefix, { keptSeconds, keptBytes, now, store });
  const queues = new Map<string, Queue>();
  const queueOf = (model: string): Queue => {
    const known = queues.get(model);
    if (known !== undefined) return known;
    const queue = new Queue(queueName(model), { connection: ownConnection(url), prefix: queuePrefix(prefix) });
    queue.on("error", () => {}); // it goes on by itself
    queues.set(model, queue);
    return queue;
  };
  const waiters = new Map<string, Set<() => void>>();
  const news = await listen(url, `${prefix}:news`, (id) => {
    for (const [job, wakes] of waiters) if (id === "" || id === job) for (const wake of wakes) wake();
  });
  let closed = false;
  const left = new AbortController();

  async function* events(id: string, { after = 0, signal }: EventsOptions = {}): AsyncGenerator<NumberedEvent<Result>> {
    const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
    let told = after;
    while (!either.aborted) {
      const heard = hear(waiters, id, either);
      try {
        const isOver = await notes.isOver(id); // asked before its events: all are there then
        const next = await notes.events(id, told);
        for (const event of next) {
          told = event.number;
          yield event;
          if (isEnd(event.event)) return;
        }
        if (next.length > 0) continue;
        if (isOver) return;
        await heard.news;
      } finally {
        heard.stop();
      }
    }
  }

  return {
    async submit(request) {
      if (closed) throw new Refusal(503, "shutting_down", "Cannot take a job: the server is shutting down", RETRY);
      const id = crypto.randomUUID();
      const place = await notes.open(id, request, { most, mostOfOne, perMinute, mostBytes });
      if (place === REFUSED.often) throw tooOften(perMinute ?? 0);
      if (place === REFUSED.bytes) throw tooManyBytes(mostBytes);
      if (place < 0) {
        const allowed = place === REFUSED.all ? `${most} in all` : `${mostOfOne} of one key`;
        throw new Refusal(429, "queue_full", `Cannot take a job: at most ${allowed} may wait; try later`, RETRY);
      }
      await notes.tell(id, { type: "waiting", position: place });
      const kept = { removeOnComplete: true, removeOnFail: true };
      await queueOf(request.model).add("job", {}, { jobId: id, attempts, priority: turnOf(request), ...kept });
      return id;
    },
    find: (id) => notes.view(id),
    events,
    async cancel(id) {
      if (!(await notes.askToCancel(id))) return false;
      const job = await notes.view(id);
      const removed = job?.state === "waiting" && (await removeFrom(queueOf(job.model), id));
      if (removed) await notes.tell(id, { type: "cancelled" });
      else await redis.publish(`${prefix}:cancel`, id);
      return true;
    },
    forget: (id) => notes.forget(id),
    counts: () => notes.counts(),
    async close(signal) {
      closed = true;
      while (waiters.size > 0 && signal?.aborted !== true) await new Promise((resolve) => setTimeout(resolve, 50));
      left.abort();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      left.abort();
      for (const queue of queues.values()) await queue.close();
      await news[Symbol.asyncDispose]();
      redis.disconnect();
    },
  };
}

const RETRY = { headers: { "retry-after": "10" } };

/** Above 0, and small for what comes first: BullMQ's priorities go the other way. */
const turnOf = ({ priority = 0 }: JobRequest): number => 1 + LIMITS.server.priority.most - priority;

/** Whether the job waited; one that a worker has taken cannot be removed. */
async function removeFrom(queue: Queue, id: string): Promise<boolean> {
  try {
    const job = await queue.getJob(id);
    await job?.remove();
    return job !== undefined;
  } catch {
    return false;
  }
}

/** Waits for news of a job, or for the signal. */
function hear(waiters: Map<string, Set<() => void>>, id: string, signal: AbortSignal) {
  let wake = (): void => {};
  const news = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const own = waiters.get(id) ?? new Set();
  waiters.set(id, own.add(wake));
  signal.addEventListener("abort", wake, { once: true });
  const stop = (): void => {
    own.delete(wake);
    if (own.size === 0) waiters.delete(id);
    signal.removeEventListener("abort", wake);
  };
  return { news, stop };
}
