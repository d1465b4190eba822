import type { Redis } from "ioredis";
import { isEnd, type JobEvent, type JobRequest, type JobState, type JobView, type NumberedEvent } from "../../job.ts";
import { decode, encode } from "./wire.ts";

/** What is known of jobs, in Redis: their requests, states and events. Whoever works on a job holds it, and alone writes of it. */
export interface Journal {
  /** Notes a job that waits; below 0 where it is refused, see `REFUSED`. */
  open(id: string, request: JobRequest, limits: OpenLimits): Promise<number>;
  /** Takes hold of a job to work on it; nothing where it is over, or not known. */
  hold(id: string, holder: string): Promise<{ readonly request: JobRequest; readonly cancelled: boolean } | undefined>;
  /** Notes an event; of no effect where the job is over, or where another holds it. */
  tell(id: string, event: JobEvent, holder?: string): Promise<boolean>;
  /** Notes that a job is to be ended; whether it was not over. */
  askToCancel(id: string): Promise<boolean>;
  isToBeCancelled(id: string): Promise<boolean>;
  /** Whether a job has ended, or is not known. */
  isOver(id: string): Promise<boolean>;
  view(id: string): Promise<JobView | undefined>;
  /** Events behind number `after`. */
  events(id: string, after: number): Promise<readonly NumberedEvent[]>;
  forget(id: string): Promise<void>;
  counts(): Promise<{ readonly waiting: number; readonly running: number }>;
}

/** Why a job is not taken: too many wait, too many of its owner do, or the owner asks too often. */
export const REFUSED = { all: -1, one: -2, often: -3 } as const;

/** How many jobs are taken. */
export interface OpenLimits {
  readonly most: number;
  readonly mostOfOne: number;
  /** Of one owner in a minute; as many as it likes where left out. */
  readonly perMinute: number | undefined;
}

/** Seconds for which unfinished jobs are kept at most, should nobody work on them. */
const UNFINISHED = 24 * 3600;

const OPEN = `
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return -1 end
local own = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or '0')
if own >= tonumber(ARGV[5]) then return -2 end
if ARGV[9] ~= '' then
  local asked = redis.call('INCR', KEYS[7])
  redis.call('EXPIRE', KEYS[7], 120)
  if asked > tonumber(ARGV[9]) then return -3 end
end
local place = redis.call('ZCARD', KEYS[1]) + redis.call('SCARD', KEYS[6])
local turn = redis.call('INCR', KEYS[3])
redis.call('ZADD', KEYS[1], turn, ARGV[1])
redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
redis.call('HSET', KEYS[4], 'owner', ARGV[2], 'model', ARGV[3], 'turn', turn, 'created', ARGV[7], 'state', 'waiting')
redis.call('SET', KEYS[5], ARGV[6], 'EX', ARGV[8])
redis.call('EXPIRE', KEYS[4], ARGV[8])
return place`;

/** Moves a job between those that wait and those that run, and numbers its event. */
const TELL = `
if redis.call('HEXISTS', KEYS[1], 'state') == 0 or redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return 0 end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'holder') ~= ARGV[2] then return 0 end
local state = ARGV[4]
if state ~= '' then
  local owner = redis.call('HGET', KEYS[1], 'owner')
  if state == 'waiting' then
    redis.call('SREM', KEYS[5], ARGV[1])
    if redis.call('ZADD', KEYS[3], redis.call('HGET', KEYS[1], 'turn'), ARGV[1]) == 1 and ARGV[7] == 'back' then
      redis.call('HINCRBY', KEYS[4], owner, 1)
    end
  else
    if redis.call('ZREM', KEYS[3], ARGV[1]) == 1 then
      if redis.call('HINCRBY', KEYS[4], owner, -1) <= 0 then redis.call('HDEL', KEYS[4], owner) end
    end
    if state == 'running' then redis.call('SADD', KEYS[5], ARGV[1]) else redis.call('SREM', KEYS[5], ARGV[1]) end
  end
  redis.call('HSET', KEYS[1], 'state', state)
  if state == 'running' then redis.call('HSETNX', KEYS[1], 'started', ARGV[6])
  elseif state ~= 'waiting' then redis.call('HSET', KEYS[1], 'ended', ARGV[6]) end
end
local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
if ARGV[3] == 'preview' then
  local before = redis.call('HGET', KEYS[1], 'preview')
  if before then redis.call('XDEL', KEYS[2], before) end
  redis.call('HSET', KEYS[1], 'preview', number .. '-0')
end
if ARGV[3] == 'evaluation' then redis.call('HSET', KEYS[1], 'progress', ARGV[7]) end
redis.call('XADD', KEYS[2], number .. '-0', 'event', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[8])
redis.call('EXPIRE', KEYS[2], ARGV[8])
redis.call('PUBLISH', KEYS[6], ARGV[1])
return 1`;

/** What is kept of jobs behind `prefix`, for `keptSeconds` after their end. */
export function journal(redis: Redis, prefix: string, keptSeconds: number, now: () => number): Journal {
  const at = (name: string): string => `${prefix}:${name}`;
  const [line, owners, turns, running] = [at("line"), at("owners"), at("turns"), at("running")];
  const jobAt = (id: string): string => at(`job:${id}`);
  const eventsAt = (id: string): string => at(`events:${id}`);
  const requestAt = (id: string): string => at(`request:${id}`);

  const tell: Journal["tell"] = async (id, event, holder = "") => {
    const state = stateOf(event);
    const ended = isEnd(event);
    const extra =
      event.type === "evaluation" ? `${event.evaluation + 1}/${event.evaluations}` : holder === "" ? "" : "back";
    const keys = [jobAt(id), eventsAt(id), line, owners, running, at("news")];
    const values = [id, holder, event.type, state, encode(event), now(), extra, ended ? keptSeconds : UNFINISHED];
    const told = await redis.eval(TELL, keys.length, ...keys, ...values);
    if (ended) await redis.del(requestAt(id));
    return told === 1;
  };

  return {
    async open(id, request, { most, mostOfOne, perMinute = "" }) {
      const minute = at(`rate:${request.owner}:${Math.floor(now() / 60_000)}`);
      const keys = [line, owners, turns, jobAt(id), requestAt(id), running, minute];
      const values = [id, request.owner, request.model, most, mostOfOne, encode(request), now(), UNFINISHED, perMinute];
      return Number(await redis.eval(OPEN, keys.length, ...keys, ...values));
    },
    async hold(id, holder) {
      const { state, ended, cancel } = await redis.hgetall(jobAt(id));
      const request = await redis.get(requestAt(id));
      if (state === undefined || ended !== undefined || request === null) return undefined;
      await redis.hset(jobAt(id), "holder", holder);
      return { request: decode<JobRequest>(request), cancelled: cancel !== undefined };
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
      const last = found["ended"] === undefined ? undefined : await lastEvent(redis, eventsAt(id));
      const preview =
        found["preview"] === undefined ? [] : await redis.xrange(eventsAt(id), found["preview"], found["preview"]);
      const place = state === "waiting" ? await redis.zrank(line, id) : null;
      return viewOf(id, found, { state, last, preview: preview.map(readEvent)[0]?.event, place });
    },
    async events(id, after) {
      return (await redis.xrange(eventsAt(id), `(${after}-0`, "+")).map(readEvent);
    },
    async forget(id) {
      if ((await redis.hexists(jobAt(id), "ended")) === 1) await redis.del(jobAt(id), eventsAt(id), requestAt(id));
    },
    counts: async () => ({ waiting: await redis.zcard(line), running: await redis.scard(running) }),
  };
}

/** The state that an event leads to; none where it leads to no other. */
function stateOf({ type }: JobEvent): JobState | "" {
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

type Entry = [id: string, fields: string[]];

const readEvent = ([id, [, text = ""]]: Entry): NumberedEvent => ({
  number: Number(id.split("-")[0]),
  event: decode<JobEvent>(text),
});

async function lastEvent(redis: Redis, key: string): Promise<JobEvent | undefined> {
  const [entry] = await redis.xrevrange(key, "+", "-", "COUNT", 1);
  return entry && readEvent(entry).event;
}

interface Known {
  readonly state: JobState;
  readonly last: JobEvent | undefined;
  readonly preview: JobEvent | undefined;
  readonly place: number | null;
}

function viewOf(id: string, found: Readonly<Record<string, string>>, { state, last, preview, place }: Known): JobView {
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
