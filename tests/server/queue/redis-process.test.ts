import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { fixturePath } from "../../support/fixtures.ts";
import { processes } from "../../support/processes.ts";
import { call } from "../serving.ts";
import { HAS_REDIS, type RedisServer, redisServer } from "./redis-server.ts";

const MODEL = `tiny=${fixturePath("pipelines/sd15/model")}`;

const { start, end, ...running } = processes();

describe.runIf(HAS_REDIS)("Servers and workers that share a Redis", { timeout: 120_000 }, () => {
  let redis: RedisServer;
  let url = "";
  const worker = async (...flags: readonly string[]) =>
    (await start("worker", "--redis", redis.url, "--model", MODEL, "--patience", "1", "--threads", "1", ...flags))
      .child;

  beforeAll(async () => {
    redis = await redisServer();
    url = (await start("serve", "--redis", redis.url, "--port", "0")).line.replace(/^.*(http)/s, "$1");
  });
  afterEach(async () => {
    await end("worker");
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
  });

  const submit = async (seed: number, steps: number): Promise<string> => {
    const { status, body } = await call(url, "/jobs", {
      prompt: "a fox",
      model: "tiny",
      seed,
      steps,
      sampler: "euler",
    });
    expect(status, JSON.stringify(body)).toBe(202);
    return body["id"] ?? "";
  };
  const state = async (id: string) =>
    (await call(url, `/jobs/${id}`)).body as unknown as Readonly<Record<string, never>>;
  const allDone = async (ids: readonly string[]) => {
    for (const id of ids) await expect.poll(async () => (await state(id))["state"], { timeout: 60_000 }).toBe("done");
  };
  const modelIsThere = () =>
    expect
      .poll(async () => (await call(url, "/v1/models")).body["data"], { timeout: 20_000 })
      .toEqual([expect.objectContaining({ id: "tiny" })]);

  test("make pictures, also for those who wait for them, and say so where no worker is there", async () => {
    expect((await call(url, "/v1/images/generations", { prompt: "a" })).status).toBe(503);
    await worker();
    await modelIsThere();
    const { status, body } = await call(url, "/v1/images/generations", { prompt: "a fox", steps: 2 });
    expect([status, body["data"]]).toEqual([200, [{ b64_json: expect.stringMatching(/^iVBOR/) }]]);
    expect((await call(url, "/v1/images/generations", { prompt: "a", sampler: "warp" })).status).toBe(400);
  });

  test("do every job once where a worker is killed", async () => {
    await worker();
    await modelIsThere();
    const ids: string[] = [];
    for (let seed = 0; seed < 8; seed++) ids.push(await submit(seed, 60));
    const [first, second] = [await worker(), await worker()];
    await end(first, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await end(second, "SIGKILL");
    await allDone(ids);
    for (const [seed, id] of ids.entries()) {
      const { result } = (await state(id)) as unknown as { result: { images: { seed: number }[] } };
      expect(result.images.map((image) => image.seed)).toEqual([seed]);
      const events = await (await fetch(`${url}/jobs/${id}/events`)).text();
      expect(events.match(/^event: done$/gm)).toHaveLength(1);
    }
  });

  test("give a job back where a worker is stopped, and another one does it", async () => {
    const first = await worker("--grace", "0");
    await modelIsThere();
    const id = await submit(1, 250);
    await expect.poll(async () => (await state(id))["state"]).toBe("running");
    await end(first, "SIGTERM");
    expect(await state(id)).toMatchObject({ state: "waiting" });
    await worker();
    await allDone([id]);
  });

  test("lose nothing where Redis is stopped and started again", async () => {
    await worker();
    await modelIsThere();
    const ids = [await submit(1, 100), await submit(2, 100), await submit(3, 100)];
    await redis.stop();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await redis.start();
    await allDone(ids);
  });

  test("end a job that runs elsewhere", async () => {
    await worker();
    await modelIsThere();
    const id = await submit(1, 250);
    await expect.poll(async () => (await state(id))["state"]).toBe("running");
    await call(url, `/jobs/${id}`, undefined, { method: "DELETE" });
    await expect.poll(async () => (await state(id))["state"], { timeout: 10_000 }).toBe("cancelled");
  });
});
