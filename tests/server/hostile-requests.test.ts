import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { decodePng } from "../../src/image/png.ts";
import { call, serving, TINY } from "./serving.ts";

const server = await serving(TINY);
afterAll(() => server[Symbol.asyncDispose]());
const ask = (path: string, body?: unknown, init?: RequestInit) => call(server.url, path, body, init);
const GENERATE = "/v1/images/generations";
const QUICK = { prompt: "a fox", steps: 1, size: "64x64", sampler: "euler" };

describe("OpenAI's fields", () => {
  const bad = [-1, 0, 1.5, 1e9, Number.MAX_SAFE_INTEGER, -1e308, "NaN", "1e999", null, [], {}, true, "'; drop table"];
  const fields = ["n", "seed", "steps", "guidance_scale", "strength", "speedup", "cache", "priority", "partial_images"];
  test.each(fields)("%s that is absurd is answered with 4xx or a picture, never with 5xx", async (field) => {
    for (const value of bad) {
      const { status, body } = await ask(GENERATE, { ...QUICK, [field]: value });
      expect([200, 400], `${field} ${JSON.stringify(value)}: ${JSON.stringify(body).slice(0, 200)}`).toContain(status);
    }
  });

  test.each([
    "1000000x1000000",
    "999999999x1",
    "-64x64",
    "0x0",
    "64",
    "64x64x64",
    "1e3x64",
    "64x",
    "./a",
    64,
    {},
    ["64x64"],
  ])("the size %j is refused", async (size) => {
    const { status, body } = await ask(GENERATE, { ...QUICK, size });
    expect([status, body["error"]]).toEqual([
      400,
      expect.objectContaining({ message: expect.stringMatching(/^Cannot /) }),
    ]);
  });

  test.each(["../a", "/etc/passwd", "__proto__", "constructor", "tiny\u0000", "a\r\nset-cookie: a=1", "x".repeat(1e5)])(
    "the model %j is none, and the answer says so in one short sentence",
    async (model) => {
      const { status, headers, body } = await ask(GENERATE, { ...QUICK, model });
      expect([status, headers.get("set-cookie")]).toEqual([404, null]);
      expect(JSON.stringify(body).length).toBeLessThan(500);
    },
  );

  test.each([
    [[{ name: "../../etc/passwd" }]],
    [[{ name: "a", path: "/etc/passwd" }]],
    [["__proto__"]],
    [[{ name: { toString: "a" } }]],
    ["style"],
    [[null]],
    [Array.from({ length: 100 }, () => ({ name: "a" }))],
  ])("the LoRAs %j are none", async (loras) => {
    expect((await ask(GENERATE, { ...QUICK, loras })).status).toBe(400);
  });
});

test.each(["a\u0000b", "a\r\nSteps: 1, Seed: 9", "\u202e".repeat(50), "🦊".repeat(500), "%s%n<script>"])(
  "The prompt %j is taken as it is, and stays one text of the picture",
  async (prompt) => {
    const { status, body } = await ask("/sdapi/v1/txt2img", { prompt, steps: 1, seed: 4, width: 64, height: 64 });
    expect(status, JSON.stringify(body).slice(0, 200)).toBe(200);
    const [png = ""] = body["images"] as unknown as string[];
    expect(Object.keys(decodePng(Buffer.from(png, "base64")).text)).toEqual(["parameters"]);
  },
);

describe("A body", () => {
  test("that unpacks to gigabytes is not unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 26, " "));
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const response = await fetch(server.url + GENERATE, { method: "POST", body: bomb, headers });
    expect(response.status).toBe(400);
  });

  const form = (body: string, boundary = "x") =>
    fetch(`${server.url}/v1/images/edits`, {
      method: "POST",
      body,
      headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    });
  const part = (name: string, value: string) =>
    `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

  test.each([
    ["of a hundred thousand parts", part("a", "b").repeat(1e5)],
    ["of a part with a name of a megabyte", part("a".repeat(1e6), "b")],
    ["whose end is missing", part("prompt", "a")],
    ["of a part without a name", "--x\r\n\r\nb\r\n--x--"],
    ["of nothing", ""],
    ["with fields that all objects have", `${part("__proto__", "a")}${part("constructor", "b")}--x--`],
  ])("that is a form %s is refused, soon", async (_, body) => {
    const begin = performance.now();
    expect((await form(body)).status).toBe(400);
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  test("that is a form with an absurd boundary is refused", async () => {
    for (const boundary of ["", '"', "a".repeat(10_000)]) expect((await form("--x", boundary)).status).toBe(400);
  });
});

test("A text of the second run is as long as others may be", async () => {
  const asked = { prompt: "a", width: 64, height: 64, enable_hr: true, hr_prompt: "x".repeat(25_000) };
  const { status, body } = await ask("/sdapi/v1/txt2img", asked);
  expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining("25000 characters of a text")]);
});

test("Connections that are left half open keep nobody waiting", async () => {
  const { port } = new URL(server.url);
  const open: Socket[] = [];
  for (let i = 0; i < 100; i++) {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(
      `POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100${"\r\n".repeat(i % 3)}`,
    );
    open.push(socket);
  }
  expect((await ask("/health")).status).toBe(200);
  expect((await ask(GENERATE, QUICK)).status).toBe(200);
  for (const socket of open) socket.destroy();
});

describe("What a key may ask for", () => {
  test("is not before others, where several share the server, unless they are told that they may", async () => {
    const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const asked = { prompt: "a", steps: 1, priority: 1 };
    await using shared = await serving(TINY, { apiKey: ["one", "two"] });
    const { status, body } = await call(shared.url, "/jobs", asked, as("one"));
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining("at most 0 are allowed")]);
    expect((await call(shared.url, "/jobs", { ...asked, priority: -5 }, as("one"))).status).toBe(202);
    await using told = await serving(TINY, { apiKey: ["one", "two"], limits: { priority: 3 } });
    expect((await call(told.url, "/jobs", asked, as("one"))).status).toBe(202);
  });

  test("is so many jobs a minute, whichever way it asks", async () => {
    await using slow = await serving(TINY, { rate: 2 });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const [path, body] = [
        ["/jobs", { prompt: "a", steps: 1 }],
        [GENERATE, QUICK],
        ["/sdapi/v1/txt2img", { prompt: "a", steps: 1 }],
      ][i % 3] as [string, object];
      const { status, headers } = await call(slow.url, path, body);
      statuses.push(status);
      if (status === 429) expect(headers.get("retry-after")).toBe("60");
    }
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(1);
    expect(statuses.filter((status) => status < 300).length).toBeGreaterThanOrEqual(2);
  });
});
