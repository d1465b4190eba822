import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { openObjects } from "../../../src/server/objects/open-objects.ts";
import { folderObjects } from "../../../src/server/objects/stores/folder.ts";
import type { JobResult } from "../../../src/server/queue/job.ts";
import type { JobQueue, Work } from "../../../src/server/queue/queue.ts";
import { type RedisQueueOptions, redisQueue } from "../../../src/server/queue/queues/redis/queue.ts";
import { type RedisWorkerOptions, redisWorker } from "../../../src/server/queue/queues/redis/worker.ts";
import { s3Server } from "../objects/s3-server.ts";
import { describeQueue } from "./queue-suite.ts";
import { HAS_REDIS, redisServer } from "./redis-server.ts";

const redis = HAS_REDIS ? await redisServer() : undefined;
const s3 = await s3Server();
const folder = mkdtempSync(join(tmpdir(), "deepcache-queue-"));
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});
const url = redis?.url ?? "";
let made = 0;

describe.runIf(HAS_REDIS)("With Redis", () => {
  describe.each([
    ["alone", async () => undefined],
    ["and a folder beside it", async () => folderObjects(join(folder, `store${made}`))],
    ["and a bucket beside it", async () => await openObjects(`s3://${s3.bucket}/test${made}`, s3.environment)],
  ])("%s", (_, store) => {
    describeQueue("a queue with a worker", { outlives: true }, async ({ work, ...limits }) => {
      const place = { url, prefix: `test${++made}`, store: await store() };
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
  });

  describe("a queue", () => {
    const png = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251);
    const result = { pictures: [{ png }], seconds: {} } as unknown as JobResult;
    const image = { width: 100, height: 100, data: png };
    const opened = async (more: Partial<RedisQueueOptions & RedisWorkerOptions> = {}) => {
      const prefix = `test${++made}`;
      const place = { url, prefix, ...more };
      const work: Work = async (_, { tell }) => {
        for (const evaluation of [0, 1, 2]) tell({ type: "preview", evaluation, pictures: [png, png] });
        return result;
      };
      const queue = await redisQueue(place);
      const worker = await redisWorker({ work, models: ["a"], ...place });
      const client = new Redis(url);
      return {
        queue,
        client,
        keys: async () => (await client.keys(`${prefix}:*`)).map((key) => key.slice(prefix.length + 1)),
        async [Symbol.asyncDispose]() {
          await worker[Symbol.asyncDispose]();
          await queue[Symbol.asyncDispose]();
          client.disconnect();
        },
      };
    };
    const job = { model: "a", options: { image }, owner: "one" };

    test("keeps large bytes beside Redis where there is a store, and removes them with the job", async () => {
      const place = join(folder, "beside");
      await using held = await opened({ store: folderObjects(place) });
      const id = await held.queue.submit(job);
      for await (const _ of held.queue.events(id));
      // The last preview and the result; the request and older previews are of no use any more.
      await expect.poll(() => readdirSync(join(place, "jobs")).length).toBe(3);
      for (const key of await held.keys()) {
        if (/^(job|events|request)/.test(key))
          expect(await held.client.memory("USAGE", `test${made}:${key}`)).toBeLessThan(5000);
      }
      await held.queue.forget(id);
      expect(readdirSync(join(place, "jobs"))).toEqual([]);
    });

    test("says so where what a job has made is gone from the store", async () => {
      const place = join(folder, "emptied");
      await using held = await opened({ store: folderObjects(place) });
      const id = await held.queue.submit(job);
      for await (const _ of held.queue.events(id));
      rmSync(join(place, "jobs"), { recursive: true });
      await expect(held.queue.find(id)).rejects.toMatchObject({ status: 410 });
    });

    test.each([
      ["nothing that can be read", "{", "Cannot read what Redis holds of a job: it is damaged"],
      ["no request", '{"model":"a","owner":"one"}', "what Redis holds under it is no request"],
    ])("ends a job of which Redis holds %s", async (_, text, message) => {
      const prefix = `test${made + 1}`;
      const client = new Redis(url);
      const queue = await redisQueue({ url, prefix });
      const id = await queue.submit(job);
      await client.set(`${prefix}:request:${id}`, text);
      client.disconnect();
      await queue[Symbol.asyncDispose]();
      await using held = await opened();
      await expect.poll(async () => (await held.queue.find(id))?.state).toBe("failed");
      expect((await held.queue.find(id))?.failure?.message).toContain(message);
    });

    test("lets go of the oldest that have ended where they take too much, and of all after a while", async () => {
      let time = Date.now();
      await using held = await opened({ keptBytes: 100_000, keptSeconds: 60, now: () => time });
      const make = async (): Promise<string> => {
        time++;
        const id = await held.queue.submit({ ...job, options: {} });
        for await (const _ of held.queue.events(id));
        return id;
      };
      const ids: string[] = [];
      for (let i = 0; i < 4; i++) ids.push(await make());
      const found = async () => (await Promise.all(ids.map((id) => held.queue.find(id)))).map((view) => view?.state);
      // Each takes 40,000 bytes as base64: one picture, and two of a preview.
      await expect.poll(found).toEqual([undefined, undefined, "done", "done"]);
      time += 61_000;
      await make();
      await expect.poll(found).toEqual(ids.map(() => undefined));
    });

    test("holds nothing back for jobs that have gone by themselves", async () => {
      await using held = await opened({ waiting: 2, models: ["another"] });
      await held.queue.submit(job);
      await held.queue.submit(job);
      await expect(held.queue.submit(job)).rejects.toMatchObject({ status: 429 });
      for (const key of await held.keys()) if (key.startsWith("job:")) await held.client.del(`test${made}:${key}`);
      await held.queue.submit(job);
      expect(await held.queue.counts()).toEqual({ waiting: 1, running: 0 });
    });
  });

  test("is there", () => expect(url).toMatch(/^redis:/));
});
