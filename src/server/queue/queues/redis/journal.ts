import type { Redis } from "ioredis";
import { LIMITS } from "../../../../errors/limits.ts";
import type { ObjectStore } from "../../../objects/object-store.ts";
import { Refusal } from "../../../refusal.ts";
import { isEnd, type JobEvent, type JobRequest, type JobState, type JobView, type NumberedEvent } from "../../job.ts";
import { isJobRequest } from "../../job-request.ts";
import { requestBytes } from "../../request-bytes.ts";
import { FORGET, KEEP, OPEN, TELL } from "./scripts.ts";
import { type Wire, wire } from "./wire.ts";

/** What is known of jobs, in Redis: their requests, states and events. Whoever works on a job holds it, and alone writes of it. */
export interface Journal<Result> {
  /** Notes a job that waits; below 0 where it is refused, see `REFUSED`. */
  open(id: string, request: JobRequest, limits: OpenLimits): Promise<number>;
  /** Takes hold of a job to work on it; nothing where it is over, or not known. */
  hold(id: string, holder: string): Promise<{ readonly request: JobRequest; readonly cancelled: boolean } | undefined>;
  /** Notes an event; of no effect where the job is over, or where another holds it. */
  tell(id: string, event: JobEvent<Result>, holder?: string): Promise<boolean>;
  /** Notes that a job is to be ended; whether it was not over. */
  askToCancel(id: string): Promise<boolean>;
  isToBeCancelled(id: string): Promise<boolean>;
  /** Whether a job has ended, or is not known. */
  isOver(id: string): Promise<boolean>;
  view(id: string): Promise<JobView<Result> | undefined>;
  /** Events behind number `after`. */
  events(id: string, after: number): Promise<readonly NumberedEvent<Result>[]>;
  forget(id: string): Promise<void>;
  counts(): Promise<{ readonly waiting: number; readonly running: number }>;
}

/** Why a job is not taken: too many wait, too many of its owner do, the owner asks too often, or pictures take too much. */
export const REFUSED = { all: -1, one: -2, often: -3, bytes: -4 } as const;

/** How many jobs are taken. */
export interface OpenLimits {
  readonly most: number;
  readonly mostOfOne: number;
  /** Of one owner in a minute; as many as it likes where left out. */
  readonly perMinute: number | undefined;
  /** Bytes of the pictures of jobs that wait. */
  readonly mostBytes: number;
}

/** What a journal is kept with. */
export interface JournalOptions {
  /** Seconds for which a job is kept after its end. */
  readonly keptSeconds: number;
  /** Bytes of jobs that have ended; the oldest go first. */
  readonly keptBytes?: number | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Where bytes lie that are not to lie in Redis. */
  readonly store?: ObjectStore | undefined;
}

/** Seconds for which unfinished jobs are kept at most, should nobody work on them. */
const UNFINISHED = 24 * 3600;

/** What is kept of jobs behind `prefix`. */
export function journal<Result>(redis: Redis, prefix: string, options: JournalOptions): Journal<Result> {
  const { keptSeconds, keptBytes = LIMITS.server.keptBytes.most, now, store } = options;
  const texts = wire(store);
  const at = (name: string): string => `${prefix}:${name}`;
  const [line, waiters, running, kept, bytesKept] = [
    at("line"),
    at("waiters"),
    at("running"),
    at("kept"),
    at("kept-bytes"),
  ];
  const jobAt = (id: string): string => at(`job:${id}`);
  const eventsAt = (id: string): string => at(`events:${id}`);
  const requestAt = (id: string): string => at(`request:${id}`);
  const run = (script: string, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> =>
    redis.eval(script, keys.length, ...keys, ...values);
  const texted = async (id: string, first = "-", last = "+"): Promise<string[]> =>
    (await redis.xrange(eventsAt(id), first, last)).map(([, [, text = ""]]) => text);

  const newestPreview = async (id: string): Promise<string[]> => {
    const number = await redis.hget(jobAt(id), "preview");
    return number === null ? [] : await texted(id, number, number);
  };

  /** A job has ended: its request is of no use any more, and what it made is counted. */
  const settle = async (id: string, made: string): Promise<void> => {
    const size = [made, ...(await newestPreview(id))].reduce((sum, text) => sum + text.length, 0);
    const request = await redis.get(requestAt(id));
    await redis.del(requestAt(id));
    if (request !== null) await texts.drop(request);
    const oldest = now() - keptSeconds * 1000;
    await run(KEEP, [kept, bytesKept], [id, now(), size, keptBytes, oldest, jobAt(""), eventsAt("")]);
  };

  const tell: Journal<Result>["tell"] = async (id, event, holder = "") => {
    const ended = isEnd(event);
    const seconds = ended ? keptSeconds : UNFINISHED;
    const extra = event.type === "evaluation" ? `${event.evaluation + 1}/${event.evaluations}` : "";
    const before = event.type === "preview" && store !== undefined ? await newestPreview(id) : [];
    const text = await texts.pack(event, now() + (seconds + LEEWAY) * 1000);
    const told = await run(
      TELL,
      [jobAt(id), eventsAt(id), line, waiters, running, at("news")],
      [id, holder, event.type, stateOf(event), text, now(), extra, seconds],
    );
    await texts.drop(...(told === 1 ? before : [text]));
    if (ended && told === 1) await settle(id, text);
    return told === 1;
  };

  return {
    async open(id, request, { most, mostOfOne, perMinute = "", mostBytes }) {
      const minute = at(`rate:${request.owner}:${Math.floor(now() / 60_000)}`);
      const text = await texts.pack(request, now() + (UNFINISHED + LEEWAY) * 1000);
      const place = await run(
        OPEN,
        [line, waiters, at("turns"), running, minute, requestAt(id), jobAt(id)],
        [
          ...[id, request.owner, request.model, text, now(), UNFINISHED, jobAt("")],
          ...[most, mostOfOne, perMinute, request.priority ?? 0, requestBytes(request), mostBytes],
        ],
      );
      if (Number(place) < 0) await texts.drop(text);
      return Number(place);
    },
    async hold(id, holder) {
      const { state, ended, cancel } = await redis.hgetall(jobAt(id));
      const text = await redis.get(requestAt(id));
      if (state === undefined || ended !== undefined || text === null) return undefined;
      await redis.hset(jobAt(id), "holder", holder);
      const request = await texts.unpack<unknown>(text);
      if (request === undefined) {
        throw new Refusal(410, "gone", `Cannot work on the job ${id}: its pictures are not in the store`);
      }
      if (isJobRequest(request)) return { request, cancelled: cancel !== undefined };
      throw new Refusal(500, "damaged", `Cannot work on the job ${id}: what Redis holds under it is no request`);
    },
    tell,
    async askToCancel(id) {
      const { state, ended } = await redis.hgetall(jobAt(id));
      if (state === undefined || ended !== undefined) return false;
      await redis.hset(jobAt(id), "cancel", 1);
      return true;
    },
    isToBeCancelled: async (id) => (await redis.hexists(jobAt(id), "cancel")) === 1,
    async isOver(id) {
      const [state, ended] = await redis.hmget(jobAt(id), "state", "ended");
      return state == null || ended != null;
    },
    async view(id) {
      const found = await redis.hgetall(jobAt(id));
      if (found["state"] === undefined) return undefined;
      const state = found["state"] as JobState;
      const [last] = found["ended"] === undefined ? [] : await redis.xrevrange(eventsAt(id), "+", "-", "COUNT", 1);
      const preview = await newestPreview(id);
      const place = state === "waiting" ? await redis.zrank(line, id) : null;
      const read = async (text: string | undefined) =>
        text === undefined ? undefined : await readEvent<Result>(texts, text);
      return viewOf(id, found, { state, last: await read(last?.[1][1]), preview: await read(preview[0]), place });
    },
    async events(id, after) {
      const events: NumberedEvent<Result>[] = [];
      for (const [entry, [, text = ""]] of await redis.xrange(eventsAt(id), `(${after}-0`, "+")) {
        const event = await readEvent<Result>(texts, text);
        if (event !== undefined) events.push({ number: Number(entry.split("-")[0]), event });
      }
      return events;
    },
    async forget(id) {
      const beside = store === undefined ? [] : await texted(id);
      const forgotten = await run(FORGET, [jobAt(id), eventsAt(id), kept, bytesKept], [id]);
      if (forgotten === 1) await texts.drop(...beside);
    },
    counts: async () => ({ waiting: await redis.zcard(line), running: await redis.scard(running) }),
  };
}

/** Seconds for which what lies beside Redis outlives what names it. */
const LEEWAY = 600;

/** The state that an event leads to; none where it leads to no other. */
function stateOf({ type }: JobEvent<unknown>): JobState | "" {
  switch (type) {
    case "waiting":
    case "running":
    case "done":
    case "failed":
    case "cancelled":
      return type;
    default:
      return "";
  }
}

/** An event of a text; nothing where it is a preview that has given way to another meanwhile. */
async function readEvent<Result>(texts: Wire, text: string): Promise<JobEvent<Result> | undefined> {
  const event = await texts.unpack<JobEvent<Result>>(text);
  if (event !== undefined || text.startsWith('{"type":"preview"')) return event;
  throw new Refusal(410, "gone", "Cannot read what the job has made: it is not kept any more");
}

interface Known<Result> {
  readonly state: JobState;
  readonly last: JobEvent<Result> | undefined;
  readonly preview: JobEvent<Result> | undefined;
  readonly place: number | null;
}

function viewOf<Result>(
  id: string,
  found: Readonly<Record<string, string>>,
  { state, last, preview, place }: Known<Result>,
): JobView<Result> {
  const { model = "", owner = "", created, started, ended, progress } = found;
  const [done, of] = progress?.split("/").map(Number) ?? [];
  return {
    ...{ id, model, owner, state, created: Number(created) },
    started: started === undefined ? undefined : Number(started),
    ended: ended === undefined ? undefined : Number(ended),
    position: place ?? undefined,
    progress: done === undefined || of === undefined ? undefined : { done, of },
    preview: preview?.type === "preview" ? preview.pictures : undefined,
    result: last?.type === "done" ? last.result : undefined,
    failure: last?.type === "failed" ? last.failure : undefined,
  };
}
