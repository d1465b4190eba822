import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { encodePng } from "../../src/image/png.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { chunk, header, pixels, png } from "../../tools/fuzz/build/others.ts";
import { call, serving, TINY } from "./serving.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-server-"));
const server = await serving(TINY, { outputDir: join(folder, "pictures") });
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});
const ask = (path: string, body?: unknown, init?: RequestInit) => call(server.url, path, body, init);
const JSON_TYPE = { "content-type": "application/json" };
const POSTS = ["/v1/images/generations", "/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/png-info", "/jobs"];

/** What a server answers to a body that is sent in pieces for as long as it listens. */
const pour = (path: string, headers: Readonly<Record<string, string>>, most: number) =>
  new Promise<{ readonly status: number; readonly sent: number }>((resolve, reject) => {
    const sending = httpRequest(new URL(path, server.url), { method: "POST", headers });
    const piece = Buffer.alloc(2 ** 20, " ");
    let sent = 0;
    let answered = false;
    sending.on("response", (response) => {
      answered = true;
      response.resume();
      sending.destroy();
      resolve({ status: response.statusCode ?? 0, sent });
    });
    sending.on("error", (error) => (answered ? undefined : reject(error)));
    const more = (): void => {
      if (answered || sent >= most) return;
      sent += piece.length;
      sending.write(piece, () => setImmediate(more));
    };
    more();
  });

describe("A body of 1 GB", () => {
  test.each(POSTS)("is refused by %s before it is read, where its length is told", async (path) => {
    const { status, sent } = await pour(path, { ...JSON_TYPE, "content-length": String(2 ** 30) }, 2 ** 27);
    expect(status).toBe(413);
    expect(sent).toBeLessThan(2 ** 27);
  });

  test("is refused as soon as it is too long, where its length is not told", async () => {
    const before = process.memoryUsage.rss();
    const { status, sent } = await pour("/jobs", { ...JSON_TYPE, "transfer-encoding": "chunked" }, 2 ** 30);
    expect(status).toBe(413);
    expect(sent).toBeLessThan(2 ** 28);
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 ** 29);
  });
});

describe("JSON", () => {
  test.each([
    ["of brackets inside one another", "[".repeat(1e6)],
    ["of objects inside one another", '{"a":'.repeat(1e5)],
    ["of millions of values", `{"options":{"prompt":"a","timesteps":[${"1,".repeat(5e6)}1]}}`],
    ["that is none", "{"],
    ["that is a list", "[1]"],
    ["that is text", '"a"'],
    ["that is null", "null"],
  ])("%s is refused", async (_, body) => {
    const { status, body: answer } = await ask("/jobs", body);
    expect([status, answer]).toEqual([
      400,
      { error: expect.objectContaining({ message: expect.stringMatching(/^Cannot read the request: it/) }) },
    ]);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])(
    "is not taken as %s, which pages of others may send",
    async (type) => {
      expect((await ask("/jobs", "{}", { headers: { "content-type": type } })).status).toBe(415);
    },
  );

  test("cannot change what all objects have", async () => {
    await ask("/jobs", '{"__proto__":{"polluted":1},"options":{"__proto__":{"polluted":1},"constructor":{}}}');
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
});

describe("A picture", () => {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  test.each([
    [
      "that claims a million pixels a side",
      png(header(1e6, 1e6), pixels(Buffer.alloc(100))),
      /claims 1000000x1000000 pixels/,
    ],
    [
      "that claims more than are read",
      png(header(6000, 6000), pixels(Buffer.alloc(100))),
      /claims 6000x6000 pixels, allowed are 33554432/,
    ],
    ["whose zeros unpack to gigabytes", png(header(4096, 4096), pixels(Buffer.alloc(3e8))), /Cannot read "image"/],
    ["without pixels", png(header(64, 64)), /damaged/],
    ["of a broken header", png(chunk("IHDR", Buffer.alloc(2))), /Cannot read "image"/],
    ["that is a page", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), /it is an SVG/],
  ])("%s is refused", async (_, bytes, message) => {
    const begin = performance.now();
    const { status, body } = await ask("/jobs", { options: { prompt: "a", image: base64(bytes) } });
    expect([status, body["error"]]).toEqual([
      400,
      expect.objectContaining({ message: expect.stringMatching(message) }),
    ]);
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  test("that would be allowed by itself is refused beside others that leave no room for it", async () => {
    await using narrow = await serving(TINY, { limits: { picturePixels: 5000 } });
    const image = base64(encodePng(plainImage(64, 64)));
    const sent = [{ image }, { image, mask: image }, { controlImage: [image, image, image] }];
    const answers = await Promise.all(
      sent.map((some) => call(narrow.url, "/jobs", { options: { prompt: "a", ...some } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([202, 400, 400]);
    expect(JSON.stringify(answers[1]?.body)).toContain("claims 64x64 pixels, allowed are 904");
  });

  test("of another size comes to the size of the images", async () => {
    const image = base64(encodePng(plainImage(300, 200)));
    const options = { prompt: "a fox", steps: 2, image, width: 64, height: 64, strength: 1 };
    expect((await ask("/jobs", { options })).status).toBe(202);
  });
});

describe("A number", () => {
  const bad = [-1, 0, 1.5, 1e9, Number.MAX_SAFE_INTEGER, -1e308, "NaN", "1e999", null, [], {}, true, "'; drop table"];
  const fields = ["width", "height", "steps", "n_iter", "batch_size", "cfg_scale", "eta", "clip_skip"];
  test.each(fields)("that is absurd as %s is answered with 4xx or a picture, never with 5xx", async (field) => {
    for (const value of bad) {
      const asked = { prompt: "a", steps: 1, width: 64, height: 64, [field]: value };
      const { status, body } = await ask("/sdapi/v1/txt2img", asked);
      expect([200, 400], `${field} ${JSON.stringify(value)}: ${JSON.stringify(body).slice(0, 200)}`).toContain(status);
    }
  });

  test.each([
    "steps",
    "seed",
    "count",
    "width",
    "guidanceScale",
    "speedup",
    "strength",
    "previewEvery",
    "guidanceRescale",
  ])("that is absurd as %s of a job fails as 4xx", async (field) => {
    for (const value of bad) {
      const { status, body } = await ask("/jobs", {
        options: { prompt: "a", steps: 1, sampler: "euler", [field]: value },
      });
      if (status === 400) continue;
      const id = body["id"];
      await expect
        .poll(async () => (await ask(`/jobs/${id}`)).body["state"], { timeout: 10_000 })
        .toMatch(/done|failed/);
      const { error } = (await ask(`/jobs/${id}`)).body as { error?: { status: number } };
      expect(error?.status ?? 200, `${field} ${JSON.stringify(value)}`).toBeLessThan(500);
    }
  });
});

describe("A path", () => {
  test.each([
    "/files/..%2f..%2fetc%2fpasswd",
    "/files/../../../etc/passwd",
    "/jobs/..%2f..",
    "/v1/models/..%2f..%2fetc",
    "/files/%00",
    "/files/%ff",
  ])("%s leads nowhere", async (path) => {
    expect([400, 404]).toContain((await fetch(server.url + path)).status);
  });

  test("in what is saved is chosen by the server alone", async () => {
    const asked = {
      prompt: "../../../a",
      steps: 1,
      save_images: true,
      override_settings: { outdir_samples: "/tmp", samples_filename_pattern: "../../a" },
    };
    expect((await ask("/sdapi/v1/txt2img", asked)).status).toBe(200);
    expect(readdirSync(folder)).toEqual(["pictures"]);
    expect(readdirSync(join(folder, "pictures"))).toEqual([expect.stringMatching(/^[\dTZ-]+-[0-9a-f]{8}\.png$/)]);
  });
});

/** What a server answers to bytes as they are. */
const raw = (text: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (bytes) => {
      answer += bytes;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });

describe("Headers", () => {
  test("cannot be made of what a client sends", async () => {
    const host = "evil%0d%0aset-cookie:a=1";
    const body = '{"prompt":"a","steps":1,"response_format":"url"}';
    const answer = await raw(
      `POST /v1/images/generations HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 (200|400)/);
    expect(answer).not.toMatch(/^set-cookie/im);
  });

  test("that are absurd are refused by the connection", async () => {
    const answer = await raw(`GET /health HTTP/1.1\r\nHost: a\r\nX-A: ${"a".repeat(1e5)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 431/);
  });

  test.each(["-1", "abc", "1e308", "99999999999999999999", "\u00e9"])(
    "Last-Event-ID %s is from the beginning, or past the end",
    async (last) => {
      const { body } = await ask("/jobs", { options: { prompt: "a", steps: 1 } });
      const response = await fetch(`${server.url}/jobs/${body["id"]}/events`, { headers: { "last-event-id": last } });
      expect(response.status).toBe(200);
      await response.text();
    },
  );
});

describe("A key", () => {
  test("that is guessed takes half a second a guess, and few at a time", { timeout: 20_000 }, async () => {
    await using locked = await serving(TINY, { apiKey: ["right"] });
    const guess = (key: string) => fetch(`${locked.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    const begin = performance.now();
    expect((await guess("wrong")).status).toBe(401);
    expect(performance.now() - begin).toBeGreaterThan(450);
    const statuses = (await Promise.all(Array.from({ length: 60 }, (_, i) => guess(`wrong-${i}`)))).map(
      ({ status }) => status,
    );
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(40);
    expect((await guess("right")).status).toBe(200);
  });

  test.each([
    ["none", {}],
    ["a scheme of another kind", { authorization: "Digest right" }],
    ["nothing behind the scheme", { authorization: "Bearer " }],
    ["no base64", { authorization: "Basic %%%" }],
    ["half a key", { authorization: "Bearer righ" }],
  ])("that is %s opens nothing but health and readiness", async (_, headers) => {
    await using locked = await serving(TINY, { apiKey: ["right"] });
    const status = async (path: string) =>
      (await fetch(locked.url + path, { headers: headers as Record<string, string> })).status;
    for (const path of ["/v1/models", "/sdapi/v1/options", "/jobs/1", "/metrics", "/openapi.json"])
      expect(await status(path)).toBe(401);
    for (const path of ["/health", "/ready"]) expect(await status(path)).toBe(200);
  });

  test("may come as a bearer token, as the password of basic authentication, or by itself", async () => {
    await using locked = await serving(TINY, { apiKey: ["right"] });
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    for (const headers of [
      { authorization: "Bearer right" },
      { authorization: basic("user:right") },
      { "x-api-key": "right" },
    ]) {
      expect((await fetch(`${locked.url}/v1/models`, { headers })).status).toBe(200);
    }
  });
});
