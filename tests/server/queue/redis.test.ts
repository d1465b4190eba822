import { afterAll, describe, expect, test } from "vitest";
import type { JobQueue } from "../../../src/server/queue/queue.ts";
import { redisQueue } from "../../../src/server/queue/queues/redis/queue.ts";
import { redisWorker } from "../../../src/server/queue/queues/redis/worker.ts";
import { describeQueue } from "./queue-suite.ts";
import { HAS_REDIS, redisServer } from "./redis-server.ts";

const redis = HAS_REDIS ? await redisServer() : undefined;
afterAll(() => redis?.[Symbol.asyncDispose]());
const url = redis?.url ?? "";
let made = 0;

describe.runIf(HAS_REDIS)("With Redis", () => {
  describeQueue("a queue with a worker", { outlives: true }, async ({ work, ...limits }) => {
    const place = { url, prefix: `test${++made}` };
    const queue = await redisQueue({ ...place, ...limits, attempts: 1 });
    const worker = await redisWorker({ ...place, work, models: ["a"] });
    return {
      ...queue,
      async close(signal) {
        const closed = Promise.all([queue.close(signal), worker.close(signal)]);
        await closed;
      },
      async [Symbol.asyncDispose]() {
        await worker[Symbol.asyncDispose]();
        await queue[Symbol.asyncDispose]();
      },
    } satisfies JobQueue;
  });

  test("is there", () => expect(url).toMatch(/^redis:/));
});
