import type { Redis } from "ioredis";
import type { Models } from "../../../models/models.ts";
import { redisObjects } from "../../../objects/stores/redis.ts";
import { Refusal } from "../../../refusal.ts";
import type { Shared } from "../../shared.ts";
import { connected, PREFIX } from "./connection.ts";
import { type RedisQueueOptions, redisQueue } from "./queue.ts";
import { ANNOUNCED } from "./worker.ts";

/** Seconds for which pictures are kept that were given by address. */
const KEPT_PICTURES = 3600;

/** Opens the queue in Redis, and finds the models that its workers have. */
export async function openShared(options: RedisQueueOptions): Promise<Shared> {
  const { url, prefix = PREFIX, store } = options;
  const redis = connected(url);
  redis.on("error", () => {});
  const [queue, models] = await Promise.all([redisQueue(options), announcedModels(options, redis)]);
  return { queue, models, objects: store ?? redisObjects(redis, prefix, KEPT_PICTURES) };
}

/** The models that workers announce; one that has not been announced for a while is no more. */
async function announcedModels({ prefix = PREFIX, now = Date.now }: RedisQueueOptions, redis: Redis): Promise<Models> {
  let names: readonly string[] = [];
  const look = async (): Promise<void> => {
    const found = Object.entries(await redis.hgetall(`${prefix}:models`));
    names = found.flatMap(([name, until]) => (Number(until) > now() ? [name] : [])).sort();
  };
  await look();
  const timer = setInterval(() => void look().catch(() => {}), ANNOUNCED);
  timer.unref?.();
  return {
    get names() {
      return names;
    },
    resolve(asked) {
      const [first] = names;
      if (first === undefined) {
        const headers = { "retry-after": "10" };
        throw new Refusal(503, "no_worker", "Cannot take a job: no worker is there; start deepcache worker", {
          headers,
        });
      }
      if (asked === undefined || asked === "") return first;
      if (names.includes(asked)) return asked;
      throw new Refusal(
        404,
        "model_not_found",
        `Cannot find the model ${JSON.stringify(asked.slice(0, 100))}: the workers have ${names.join(", ")}`,
        { field: "model" },
      );
    },
    list: () => names.map((name) => ({ name, loaded: true })),
    async describe(name) {
      throw new Refusal(501, "not_described", `Cannot describe "${name}" here: workers have it`);
    },
    async use(name) {
      throw new Error(`Cannot run "${name}" here: workers do`);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      redis.disconnect();
    },
  };
}
