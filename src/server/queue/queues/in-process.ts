import { LIMITS } from "../../../errors/limits.ts";
import { failureOf, Refusal, tooManyBytes, tooOften } from "../../refusal.ts";
import { isEnd, type JobEvent, type JobRequest, type JobState, type JobView, type NumberedEvent } from "../job.ts";
import type { EventsOptions, JobQueue, Work } from "../queue.ts";
import { requestBytes } from "../request-bytes.ts";

/** What a queue in this process is made of. */
export interface InProcessOptions {
  readonly work: Work;
  /** Jobs that may wait, and those of one owner. */
  readonly waiting?: number | undefined;
  readonly waitingOfOne?: number | undefined;
  /** Jobs that one owner may ask for in a minute; as many as it likes where left out. */
  readonly perMinute?: number | undefined;
  /** Bytes of pictures in jobs that wait, and in those that have ended. */
  readonly waitingBytes?: number | undefined;
  readonly keptBytes?: number | undefined;
  /** Jobs that are kept after their end, and for how many seconds. */
  readonly kept?: number | undefined;
  readonly keptSeconds?: number | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
  readonly newId?: (() => string) | undefined;
  /** Told how jobs end. */
  readonly onEnd?: ((model: string, event: JobEvent) => void) | undefined;
  /** Told of a failure with its cause, which clients are not told. */
  readonly onFailure?: ((id: string, error: unknown) => void) | undefined;
}

interface Entry {
  readonly id: string;
  readonly request: JobRequest;
  readonly controller: AbortController;
  readonly created: number;
  events: NumberedEvent[];
  /** Of the next event. */
  number: number;
  state: JobState;
  started?: number;
  ended?: number;
  wake: () => void;
  news: Promise<void>;
}

/** A queue whose jobs run in this process, one at a time: a run takes all cores by itself. */
export function inProcessQueue(options: InProcessOptions): JobQueue {
  const { work, now = Date.now, newId = () => crypto.randomUUID(), onFailure = () => {}, onEnd = () => {} } = options;
  const { waiting: mostWaiting = LIMITS.server.waiting.most, kept = 256, keptSeconds = 3600 } = options;
  const { waitingBytes = LIMITS.server.waitingBytes.most, keptBytes = LIMITS.server.keptBytes.most } = options;
  const { waitingOfOne = Math.min(mostWaiting, LIMITS.server.waitingOfOne.most) } = options;
  const entries = new Map<string, Entry>();
  const line: Entry[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  const tell = (entry: Entry, event: JobEvent): void => {
    if (entry.ended !== undefined) return;
    if (event.type === "preview") entry.events = entry.events.filter((earlier) => !isReplaced(earlier.event, event));
    entry.events.push({ number: entry.number++, event });
    if (isEnd(event)) {
      entry.state = event.type as JobState;
      entry.ended = now();
      onEnd(entry.request.model, event);
    }
    const { wake } = entry;
    entry.news = new Promise((resolve) => {
      entry.wake = resolve;
    });
    wake();
  };

  /** Jobs by owner in the minute that runs. */
  let asked = { minute: 0, counts: new Map<string, number>() };
  const refuseTooOften = (owner: string): void => {
    const minute = Math.floor(now() / 60_000);
    if (asked.minute !== minute) asked = { minute, counts: new Map() };
    const count = (asked.counts.get(owner) ?? 0) + 1;
    asked.counts.set(owner, count);
    if (options.perMinute !== undefined && count > options.perMinute) throw tooOften(options.perMinute);
  };

  /** Lets go of the oldest that have ended. */
  const tidy = (): void => {
    const ended = [...entries.values()].filter((entry) => entry.ended !== undefined);
    const oldest = now() - keptSeconds * 1000;
    let bytes = 0;
    ended.reverse().forEach((entry, i) => {
      bytes += bytesMade(entry);
      if (i >= kept || bytes > keptBytes || (entry.ended ?? 0) < oldest) entries.delete(entry.id);
    });
  };

  const runOne = async (entry: Entry): Promise<void> => {
    const { signal } = entry.controller;
    entry.state = "running";
    entry.started = now();
    tell(entry, { type: "running" });
    try {
      const result = await work(entry.request, { signal, tell: (event) => tell(entry, event) });
      tell(entry, { type: "done", result });
    } catch (error) {
      if (signal.aborted) return tell(entry, { type: "cancelled" });
      onFailure(entry.id, error);
      tell(entry, { type: "failed", failure: failureOf(error) });
    }
  };

  const runAll = async (): Promise<void> => {
    for (let entry = line.shift(); entry !== undefined; entry = line.shift()) {
      line.forEach((waiter, i) => {
        tell(waiter, { type: "waiting", position: i });
      });
      await runOne(entry);
    }
    running = undefined;
  };

  const cancel = async (id: string): Promise<boolean> => {
    const entry = entries.get(id);
    if (entry === undefined || entry.ended !== undefined) return false;
    entry.controller.abort(new DOMException("The job was cancelled", "AbortError"));
    const place = line.indexOf(entry);
    if (place >= 0) {
      line.splice(place, 1);
      tell(entry, { type: "cancelled" });
    }
    return true;
  };

  const close = async (signal?: AbortSignal): Promise<void> => {
    closed = true;
    for (const entry of [...line]) await cancel(entry.id);
    const endAll = (): void => {
      for (const { id } of entries.values()) void cancel(id);
    };
    if (signal?.aborted === true) endAll();
    signal?.addEventListener("abort", endAll, { once: true });
    await running;
    signal?.removeEventListener("abort", endAll);
  };

  return {
    async submit(request) {
      if (closed) throw new Refusal(503, "shutting_down", "Cannot take a job: the server is shutting down", RETRY);
      refuseTooOften(request.owner);
      refuseTooMany(line, request.owner, { most: mostWaiting, mostOfOne: waitingOfOne });
      refuseTooLarge([...line.map((waiter) => waiter.request), request], waitingBytes);
      tidy();
      const id = newId();
      const controller = new AbortController();
      const entry: Entry = {
        ...{ id, request, controller, created: now(), state: "waiting", events: [], number: 1 },
        wake: () => {},
        news: Promise.resolve(),
      };
      entries.set(id, entry);
      const place = placeIn(line, request);
      line.splice(place, 0, entry);
      tell(entry, { type: "waiting", position: place + (running === undefined ? 0 : 1) });
      running ??= runAll();
      return id;
    },
    async find(id) {
      tidy();
      const entry = entries.get(id);
      return entry && viewOf(entry, line.indexOf(entry));
    },
    events: (id, asked) => eventsOf(entries.get(id), asked),
    cancel,
    async forget(id) {
      if (entries.get(id)?.ended !== undefined) entries.delete(id);
    },
    counts: async () => ({ waiting: line.length, running: running === undefined ? 0 : 1 }),
    close,
    [Symbol.asyncDispose]: () => close(AbortSignal.abort()),
  };
}

const RETRY = { headers: { "retry-after": "10" } };

/** Behind those that are as urgent, before those that are less. */
function placeIn(line: readonly Entry[], { priority = 0 }: JobRequest): number {
  const place = line.findIndex(({ request }) => (request.priority ?? 0) < priority);
  return place < 0 ? line.length : place;
}

function refuseTooMany(
  line: readonly Entry[],
  owner: string,
  { most, mostOfOne }: { readonly most: number; readonly mostOfOne: number },
): void {
  const own = line.filter(({ request }) => request.owner === owner).length;
  if (line.length < most && own < mostOfOne) return;
  const [count, allowed] = line.length < most ? [own, `${mostOfOne} of one key`] : [line.length, `${most} in all`];
  throw new Refusal(
    429,
    "queue_full",
    `Cannot take a job: ${count} wait, and at most ${allowed} may; try later`,
    RETRY,
  );
}

function refuseTooLarge(requests: readonly JobRequest[], most: number): void {
  const bytes = requests.reduce((sum, request) => sum + requestBytes(request), 0);
  if (bytes > most) throw tooManyBytes(most);
}

const bytesMade = (entry: Entry): number =>
  (newest(entry, "done")?.result.pictures ?? []).reduce((sum, { png }) => sum + png.length, 0) +
  (newest(entry, "preview")?.pictures ?? []).reduce((sum, png) => sum + png.length, 0);

/** Of previews, the newest of each lane is kept. */
const isReplaced = (earlier: JobEvent, { lane }: JobEvent): boolean =>
  earlier.type === "preview" && earlier.lane === lane;

/** An event of `type` among those of an entry, the newest first. */
const newest = <Type extends JobEvent["type"]>(
  { events }: Entry,
  type: Type,
): Extract<JobEvent, { readonly type: Type }> | undefined =>
  events.findLast(({ event }) => event.type === type)?.event as Extract<JobEvent, { readonly type: Type }> | undefined;

function viewOf(entry: Entry, place: number): JobView {
  const { id, request, state, created, started, ended } = entry;
  const { variants = [{}] } = request;
  const evaluation = newest(entry, "evaluation");
  const done = entry.events.filter(({ event }) => event.type === "evaluation").length;
  return {
    ...{ id, state, created, started, ended, model: request.model, owner: request.owner },
    position: place < 0 ? undefined : place,
    progress: evaluation && progressOf(evaluation, variants.length, done),
    preview: newest(entry, "preview")?.pictures,
    result: newest(entry, "done")?.result,
    failure: newest(entry, "failed")?.failure,
  };
}

/** Of several runs, the evaluations of all. */
const progressOf = (
  { evaluation, evaluations }: Extract<JobEvent, { readonly type: "evaluation" }>,
  runs: number,
  told: number,
): JobView["progress"] =>
  runs === 1 ? { done: evaluation + 1, of: evaluations } : { done: told, of: Math.max(told, runs * evaluations) };

async function* eventsOf(
  entry: Entry | undefined,
  { after = 0, signal }: EventsOptions = {},
): AsyncGenerator<NumberedEvent> {
  let told = after;
  while (entry !== undefined && signal?.aborted !== true) {
    const { news } = entry;
    const next = entry.events.find(({ number }) => number > told);
    if (next !== undefined) {
      told = next.number;
      yield next;
      if (isEnd(next.event)) return;
    } else if (entry.ended !== undefined) return;
    else await unlessAborted(news, signal);
  }
}

/** Waits for `promise`, or for the signal. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await promise;
  let end = (): void => {};
  const aborted = new Promise<void>((resolve) => {
    end = resolve;
    signal.addEventListener("abort", end, { once: true });
  });
  await Promise.race([promise, aborted]);
  signal.removeEventListener("abort", end);
}
