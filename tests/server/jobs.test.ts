import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { decodePng } from "../../src/image/png.ts";
import { PICTURE_OPTIONS, PLAIN_OPTIONS } from "../../src/server/work/job-options.ts";
import { all, call, type EventRead, events, MODEL, serving } from "./serving.ts";

const server = await serving({ scenes: { path: MODEL, thread: "caller", threads: 2 } });
afterAll(() => server[Symbol.asyncDispose]());

const ask = (path: string, body?: unknown, init?: RequestInit) => call(server.url, path, body, init);
const begin = async (options: object): Promise<string> => {
  const { status, body } = await ask("/jobs", { options });
  expect(status, JSON.stringify(body)).toBe(202);
  return body["id"] ?? "";
};
const listen = (id: string, after?: number): AsyncGenerator<EventRead> =>
  events(`${server.url}/jobs/${id}/events`, after === undefined ? {} : { "last-event-id": String(after) });
const QUICK = { prompt: "a fox", steps: 3, seed: 1, sampler: "euler" };

test("A job tells how it goes on, and keeps what it has made", async () => {
  const id = await begin({ ...QUICK, cache: 3 });
  const told = await all(listen(id));
  const types = told.map(({ event }) => event);
  expect(types.filter((type) => type !== "warning")).toEqual([
    ...["waiting", "running", "phase", "phase", "phase", "evaluation", "evaluation", "evaluation", "phase", "done"],
  ]);
  expect(told.map(({ id: number }) => number)).toEqual(told.map((_, i) => i + 1));
  const { status, body } = await ask(`/jobs/${id}`);
  expect([status, body]).toEqual([200, expect.objectContaining({ id, state: "done", progress: { done: 3, of: 3 } })]);
  const { result } = body as unknown as { result: { images: { base64: string; seed: number }[] } };
  expect(result).toMatchObject({ evaluations: 3, fullEvaluations: 1, sampler: "euler", model: "scenes" });
  const [image] = result.images;
  expect(image?.seed).toBe(1);
  expect(decodePng(new Uint8Array(Buffer.from(image?.base64 ?? "", "base64"))).image.width).toBe(64);
});

test("Events are told again behind the one that a client has seen last", async () => {
  const id = await begin(QUICK);
  const told = await all(listen(id));
  expect(await all(listen(id, 4))).toEqual(told.slice(4));
  expect(await all(listen(id, told.length))).toEqual([]);
});

test("Options may stand beside the model", async () => {
  const { body } = await ask("/jobs", { model: "scenes", prompt: "a fox", steps: 1, seed: 9 });
  expect((await all(listen(body["id"] ?? ""))).at(-1)).toMatchObject({ event: "done", data: { result: { steps: 1 } } });
});

test("Options may be written as diffusers writes them", async () => {
  const id = await begin({ prompt: "a fox", num_inference_steps: 2, guidance_scale: 1, seed: 1, sampler: "euler" });
  const last = (await all(listen(id))).at(-1);
  expect(last).toMatchObject({ event: "done", data: { result: { steps: 2, guidanceScale: 1 } } });
});

test("Previews are pictures", async () => {
  const id = await begin({ ...QUICK, preview_every: 1 });
  const previews = (await all(listen(id))).filter(({ event }) => event === "preview");
  expect(previews.length).toBeGreaterThan(0);
  const { images } = Object(previews[0]?.data) as { images: string[] };
  expect(decodePng(new Uint8Array(Buffer.from(images[0] ?? "", "base64"))).image.width).toBe(64);
});

describe("A job that is deleted", () => {
  test("ends while it runs, and while it waits", async () => {
    const [running, waiting] = [await begin({ ...QUICK, steps: 200 }), await begin({ ...QUICK, steps: 200 })];
    expect((await ask(`/jobs/${waiting}`)).body).toMatchObject({ state: "waiting", position: 0 });
    for (const id of [waiting, running]) await ask(`/jobs/${id}`, undefined, { method: "DELETE" });
    for (const id of [waiting, running]) {
      expect((await all(listen(id))).at(-1)?.event).toBe("cancelled");
      expect((await ask(`/jobs/${id}`)).body).toMatchObject({ state: "cancelled" });
    }
  });

  test("is forgotten where it has ended", async () => {
    const id = await begin(QUICK);
    await all(listen(id));
    await ask(`/jobs/${id}`, undefined, { method: "DELETE" });
    expect((await ask(`/jobs/${id}`)).status).toBe(404);
  });
});

test("A job goes on where its listener goes away", async () => {
  const id = await begin({ ...QUICK, steps: 12 });
  for await (const _ of listen(id)) break;
  await expect.poll(async () => (await ask(`/jobs/${id}`)).body["state"], { timeout: 20_000 }).toBe("done");
});

test("A job of another key is not there", async () => {
  await using locked = await serving(undefined, { apiKey: ["one", "two"] });
  const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
  const { body } = await call(locked.url, "/jobs", { options: QUICK }, as("one"));
  const path = `/jobs/${body["id"]}`;
  expect((await call(locked.url, path, undefined, as("one"))).status).toBe(200);
  expect((await call(locked.url, path, undefined, as("two"))).status).toBe(404);
});

test.each([
  [{ options: { prompt: "a", image: "/etc/passwd" } }, 400, /Cannot read "image"/],
  [{ options: { prompt: "a", image: ["http://10.0.0.1/"] } }, 400, /nothing is fetched/],
  [{ options: { prompt: "a", signal: {} } }, 400, /"signal": it cannot be sent/],
  [{ options: { prompt: "a", vae: "/etc" } }, 400, /Cannot use the option "vae": a job takes prompt/],
  [{ options: { prompt: "a", steps: 1, num_inference_steps: 2 } }, 400, /given twice/],
  [{ options: { prompt: "a", loras: [{ name: "..", path: "/etc/passwd" }] } }, 400, /no LoRA is called ".."/],
  [{ options: { prompt: "a", loras: ["__proto__"] } }, 400, /no LoRA is called "__proto__"/],
  [{ options: { prompt: "a", embeddings: ["/etc/passwd"] } }, 400, /no embedding is called "\/etc\/passwd"/],
  [{ options: { prompt: Array.from({ length: 40 }, () => "a") } }, 400, /asks for 40 images of a request/],
  [{ options: { prompt: "x".repeat(30_000) } }, 400, /asks for 30000 characters/],
  [{ model: "constructor", options: {} }, 404, /Cannot find the model "constructor"/],
  [{ options: "all" }, 400, /"options"/],
  [{ prompt: "a", priority: 11 }, 400, /asks for 11 levels of priority above the usual one, at most 10/],
  [{ prompt: "a", priority: -11 }, 400, /Cannot use "priority"/],
  [{ prompt: "a", priority: 0.5 }, 400, /Cannot use "priority"/],
  [{ options: { prompt: "a", owner: "another" } }, 400, /Cannot use the option "owner"/],
])("Refuses %j", async (body, status, message) => {
  const answer = await ask("/jobs", body);
  expect([answer.status, answer.body["error"]]).toEqual([
    status,
    expect.objectContaining({ message: expect.stringMatching(message) }),
  ]);
});

test.each([
  [{ prompt: "a", steps: 2.5 }, "option_invalid"],
  [{ prompt: "a", classes: [1] }, "option_unknown"],
  [{ prompt: "a", mask: "" }, "image_unreadable"],
])("What the library refuses of %j fails at once or as a job, by its code", async (options, code) => {
  const { status, body } = await ask("/jobs", { options });
  const failed = status === 202 ? (await all(listen(body["id"] ?? ""))).at(-1)?.data : body;
  expect(failed).toMatchObject({ error: { code } });
});

test("Every option of the library is passed, or known to be none for a server", () => {
  const source = readFileSync(new URL("../../src/library/options.ts", import.meta.url), "utf8");
  const options = [...source.matchAll(/^ {2}readonly ([a-z][A-Za-z]*)\?:/gm)].map(([, name = ""]) => name);
  expect(options.length).toBeGreaterThan(25);
  const aliases = ["numInferenceSteps", "numImagesPerPrompt", "signal", "onEvent"];
  const known: readonly string[] = [...PLAIN_OPTIONS, ...PICTURE_OPTIONS, ...aliases, "loras", "embeddings"];
  expect(options.filter((name) => !known.includes(name))).toEqual([]);
});

describe("A job of variants", () => {
  test("runs them in turns, and keeps the newest preview of each", async () => {
    const variants = [{ cache: "off" }, { cache: 3 }];
    const { body } = await ask("/jobs", { variants, options: { ...QUICK, preview_every: 1 } });
    const told = await all(listen(body["id"] ?? ""));
    const lanes = told.flatMap(({ event, data }) => (event === "evaluation" ? [(data as { lane: number }).lane] : []));
    expect(lanes).toEqual([0, 1, 0, 1, 0, 1]);
    const kept = (await all(listen(body["id"] ?? ""))).filter(({ event }) => event === "preview");
    expect(kept.map(({ data }) => (data as { lane: number }).lane).sort()).toEqual([0, 1]);
    const { result } = Object(told.at(-1)?.data) as { result: { images: unknown[]; lanes: Record<string, unknown>[] } };
    expect(result.images).toHaveLength(2);
    expect(result.lanes.map(({ full }) => full)).toEqual([[0, 1, 2], [0]]);
    expect(result.lanes[1]).toMatchObject({ policy: { kind: "uniform", interval: 3 }, images: [{ seed: 1 }] });
    expect((await ask(`/jobs/${body["id"]}`)).body).toMatchObject({ progress: { done: 6, of: 6 } });
  });

  test.each([
    [[{ seed: 3 }], 'No option of a variant of "model" is called "seed"'],
    [[{ lora: "x" }], 'Cannot use the option "lora"'],
    [[], "variants"],
    [new Array(17).fill({ cache: 2 }), "17 images of a request"],
    [[{ steps: 9999 }], "9999 steps"],
  ])("is refused with %j", async (variants, message) => {
    const { status, body } = await ask("/jobs", { variants, options: QUICK });
    const failure = status === 202 ? (await all(listen(body["id"] ?? ""))).at(-1)?.data : body;
    expect(JSON.stringify(failure)).toContain(JSON.stringify(message).slice(1, -1));
  });
});

test("A model says what it takes, and what a cached evaluation costs", async () => {
  const { status, body } = await ask("/models/scenes");
  expect(status).toBe(200);
  expect(body).toMatchObject({ name: "scenes", task: "text-to-image", width: 64, height: 64, multipleOf: 8 });
  expect(body).toMatchObject({ device: "cpu", threads: 2 });
  const shares = (body as unknown as { branches: { share: number }[] }).branches.map(({ share }) => share);
  expect(shares[0]).toBeCloseTo(0.154, 3); // as inspect counts
  expect(shares).toEqual([...shares].sort());
  expect((await ask("/models/other")).body).toMatchObject({ error: { code: "model_not_found" } });
});
