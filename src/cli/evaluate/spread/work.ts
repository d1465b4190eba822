import { connected } from "../../../server/queue/queues/redis/connection.ts";
import { type RedisWorker, type RedisWorkerOptions, redisWorker } from "../../../server/queue/queues/redis/worker.ts";
import type { Terminal } from "../../terminal/console.ts";
import { type OwnFlags, shardMaker } from "./make.ts";
import { EVALUATIONS, SHARD } from "./protocol.ts";
import type { MadeShard } from "./shards.ts";

/** Starts to make the shards that are asked for in a Redis, one at a time. */
export async function openShardWorker(
  options: Omit<RedisWorkerOptions, "work" | "models" | "prefix">,
  own: OwnFlags,
  terminal: Terminal,
): Promise<RedisWorker> {
  const redis = connected(options.url);
  redis.on("error", () => {}); // it goes on by itself
  const maker = shardMaker(redis, own, terminal);
  const limits = { keptBytes: Number.MAX_SAFE_INTEGER };
  const working = await redisWorker<MadeShard>({
    ...{ ...options, ...limits, prefix: EVALUATIONS, models: [SHARD] },
    work: maker.work,
  });
  return {
    close: working.close,
    async [Symbol.asyncDispose]() {
      await working[Symbol.asyncDispose]();
      await maker[Symbol.asyncDispose]();
      redis.disconnect();
    },
  };
}
