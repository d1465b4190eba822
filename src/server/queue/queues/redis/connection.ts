import { Redis } from "ioredis";

/** How jobs are found in Redis. */
export interface RedisPlace {
  /** Such as `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** What all keys begin with; one for each set of servers and workers. */
  readonly prefix?: string | undefined;
}

/** What keys begin with where nobody says. */
export const PREFIX = "deepcache";

/** The name of the queue that holds jobs of a model. */
export const queueName = (model: string): string => encodeURIComponent(model);

/** The prefix of the library's own keys of queues. */
export const queuePrefix = (prefix: string): string => `${prefix}:queues`;

/** A connection that is made anew for as long as it takes; commands wait meanwhile. */
export const connected = (url: string): Redis =>
  new Redis(url, { maxRetriesPerRequest: null, retryStrategy: (times) => Math.min(times * 100, 2000) });

/** The same for BullMQ, which opens and closes its own. */
export const ownConnection = (url: string) => ({
  url,
  maxRetriesPerRequest: null,
  retryStrategy: (times: number) => Math.min(times * 100, 2000),
});

/** Told the ids of jobs on a channel, and "" after every interruption, when anything may have happened. */
export async function listen(url: string, channel: string, onId: (id: string) => void): Promise<AsyncDisposable> {
  const redis = connected(url);
  redis.on("message", (_, id: string) => onId(id));
  redis.on("ready", () => onId(""));
  redis.on("error", () => {}); // it goes on by itself
  await redis.subscribe(channel);
  return {
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}
