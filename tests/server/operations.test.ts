import { afterAll, describe, expect, test } from "vitest";
import { pipeline } from "../../src/library/pipeline.ts";
import { handler } from "../../src/server/handler.ts";
import { catalogue } from "../../src/server/models/catalogue.ts";
import { defaultModelFolder } from "../../src/systems/shipped.ts";
import { fixturePath } from "../support/fixtures.ts";
import { all, call, events, SCENES, serving } from "./serving.ts";

const logged: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
const note = (fields: object, message: string): void => void logged.push({ message, fields: { ...fields } });
const server = await serving(SCENES, { log: { info: note, error: note } });
afterAll(() => server[Symbol.asyncDispose]());
const ask = (path: string, body?: unknown) => call(server.url, path, body);
const QUICK = { prompt: "a secret fox", steps: 2, seed: 1, sampler: "euler" };

test("Health and readiness tell the state, and the models that are loaded", async () => {
  expect((await ask("/health")).body).toMatchObject({ status: "ok" });
  expect((await ask("/ready")).body).toMatchObject({ status: "ready", waiting: 0, running: 0 });
});

test("Metrics count pictures, evaluations full and cached, phases, jobs by outcome, and requests by route", async () => {
  const { body } = await ask("/jobs", { options: { ...QUICK, cache: 2 } });
  await all(events(`${server.url}/jobs/${body["id"]}/events`));
  await ask("/v1/images/generations", { prompt: "a", sampler: "warp" });
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  expect(value('deepcache_pictures_total{model="scenes"}')).toBe(1);
  expect(value('deepcache_evaluations_total{model="scenes",kind="full"}')).toBe(1);
  expect(value('deepcache_evaluations_total{model="scenes",kind="cached"}')).toBe(1);
  expect(value('deepcache_jobs_total{model="scenes",outcome="done"}')).toBe(1);
  expect(value('deepcache_jobs_total{model="scenes",outcome="refused"}')).toBe(1);
  expect(value('deepcache_phase_seconds_count{model="scenes",phase="denoise"}')).toBe(1);
  expect(value('deepcache_queue_jobs{state="waiting"}')).toBe(0);
  expect(text).toContain('route="/jobs/{id}/events"');
  expect(text).toContain("process_resident_memory_bytes");
});

test("Metrics do not grow with paths that nobody has", async () => {
  for (const path of ["/a", "/b", "/sdapi/v1/c", "/v1/models/d"]) await fetch(server.url + path);
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const routes = new Set([...text.matchAll(/route="([^"]+)"/g)].map(([, route]) => route));
  expect([...routes].filter((route) => /[abcd]$/.test(route ?? "") && route !== "other")).toEqual([]);
  expect(routes).toContain("other");
});

test("The log has a line for each request, and no prompt", async () => {
  expect(logged).toContainEqual({
    message: "answered",
    fields: expect.objectContaining({ method: "POST", path: "/jobs", status: 202 }),
  });
  expect(JSON.stringify(logged)).not.toContain("secret");
});

test("The log has prompts where they are asked for", async () => {
  const told: object[] = [];
  const answer = handler(SCENES, { logPrompts: true, log: { info: (fields) => told.push(fields), error: () => {} } });
  const body = JSON.stringify(QUICK);
  const headers = { "content-type": "application/json" };
  await answer(new Request("http://localhost/sdapi/v1/txt2img", { method: "POST", body, headers }));
  expect(JSON.stringify(told)).toContain("a secret fox");
  await answer[Symbol.asyncDispose]();
});

test("An open pipeline is served by its own name, and left to whoever opened it", async () => {
  await using pipe = await pipeline("text-to-image", defaultModelFolder());
  {
    await using answer = handler(pipe);
    const response = await answer(new Request("http://localhost/v1/models"));
    expect(await response.json()).toMatchObject({ data: [{ id: "fluent-scenes" }] });
  }
  expect((await pipe("a fox", { steps: 1 })).images).toHaveLength(1);
});

describe("Models", () => {
  const FOLDERS = { scenes: defaultModelFolder(), tiny: fixturePath("pipelines/sd15/model") };
  const request = { prompt: "a", steps: 1 };

  test("are let go of where memory is short, the least recently used first", async () => {
    const changes: string[] = [];
    const sizes = await Promise.all(
      Object.values(FOLDERS).map(async (path) => {
        await using model = await pipeline("text-to-image", path);
        const { peak, process } = await model.estimateMemory(request);
        return peak - process;
      }),
    );
    const memory = Math.max(...sizes) + Math.min(...sizes) / 2;
    await using models = catalogue(FOLDERS, { memory, onChange: (name, change) => changes.push(`${name} ${change}`) });
    for (const name of ["scenes", "scenes", "tiny", "scenes"]) await models.use(name, request, async () => {});
    const inTurn = ["scenes opened", "tiny opened", "scenes released", "scenes opened", "tiny released"];
    expect(changes).toEqual(inTurn);
    expect(models.list()).toEqual([
      { name: "scenes", loaded: true },
      { name: "tiny", loaded: false },
    ]);
  });

  test("refuse a run that would not fit at all", async () => {
    await using models = catalogue(FOLDERS, { memory: 2 ** 20 });
    await expect(models.use("scenes", request, async () => {})).rejects.toThrow(
      /Cannot run: this takes about .* GiB of memory, and the server has 0.0 GiB for models/,
    );
  });
});

test("A model that cannot be opened is the server's fault, and its path is told to nobody but the log", async () => {
  const told: { err?: Error }[] = [];
  await using broken = await serving(
    { gone: "/nowhere/secret" },
    { log: { info: () => {}, error: (f) => told.push(f) } },
  );
  const { status, body } = await call(broken.url, "/v1/images/generations", { prompt: "a" });
  expect(status).toBe(500);
  expect(JSON.stringify(body)).not.toContain("nowhere");
  expect(String(told[0]?.err)).toContain('Cannot open the model "gone"');
});

test("A server that is closed ends what waits, lets what runs end, and takes no more", async () => {
  const closing = await serving();
  const begin = async () => (await call(closing.url, "/jobs", { options: { ...QUICK, steps: 250 } })).body["id"];
  const [running, waiting] = [await begin(), await begin()];
  const closed = closing.close();
  expect((await call(closing.url, "/ready")).status).toBe(503);
  expect((await call(closing.url, "/jobs", { options: QUICK })).status).toBe(503);
  expect((await call(closing.url, "/health")).status).toBe(200);
  await closed;
  expect((await call(closing.url, `/jobs/${running}`)).body).toMatchObject({ state: "done" });
  expect((await call(closing.url, `/jobs/${waiting}`)).body).toMatchObject({ state: "cancelled" });
  await closing[Symbol.asyncDispose]();
});

describe("A page of another site", () => {
  const from = (origin: string, init: RequestInit = {}) => ({ ...init, headers: { ...init.headers, origin } });

  test("is refused, whatever it sends", async () => {
    const response = await fetch(`${server.url}/v1/models`, from("https://stranger.example"));
    expect(response.status).toBe(403);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("may ask where its site is named, after it has asked whether it may", async () => {
    await using open = await serving(SCENES, { cors: ["https://friend.example"] });
    const asked = { method: "OPTIONS", headers: { "access-control-request-method": "POST" } };
    const preflight = await fetch(`${open.url}/jobs`, from("https://friend.example", asked));
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("Authorization");
    const response = await fetch(`${open.url}/v1/models`, from("https://friend.example"));
    expect(response.headers.get("access-control-allow-origin")).toBe("https://friend.example");
    expect((await fetch(`${open.url}/v1/models`, from("https://stranger.example"))).status).toBe(403);
    const wrong = await fetch(`${open.url}/nowhere`, from("https://friend.example"));
    expect([wrong.status, wrong.headers.get("access-control-allow-origin")]).toEqual([404, "https://friend.example"]);
  });

  test("is the server's own where its origin is", async () => {
    expect((await fetch(`${server.url}/v1/models`, from(server.url))).status).toBe(200);
  });

  test("reaches nothing under a name that was made to lead here", async () => {
    const answer = handler(SCENES, { hosts: ["localhost"] });
    const status = async (url: string) => (await answer(new Request(url))).status;
    expect([await status("http://localhost/v1/models"), await status("http://stranger.example/v1/models")]).toEqual([
      200, 421,
    ]);
    await answer[Symbol.asyncDispose]();
  });
});
