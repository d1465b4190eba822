import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { fixturePath } from "../support/fixtures.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "deepcache-serve-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A server of this build in a process of its own. */
interface Started extends AsyncDisposable {
  readonly url: string;
  readonly process: ChildProcess;
  /** All that it logs, when it has ended. */
  readonly logged: Promise<string>;
}

async function start(...flags: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [main, "serve", "--port", "0", ...flags], { cwd: folder });
  const logged = text(child.stderr);
  const ended = once(child, "exit");
  const [line] = await Promise.race([once(child.stdout, "data"), ended.then(async () => [await logged])]);
  return {
    url: String(line).trim(),
    process: child,
    logged,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const ask = (url: string, path: string, body: object, init: RequestInit = {}) =>
  fetch(url + path, {
    method: "POST",
    body: JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });

test.runIf(spawnSync("curl", ["--version"]).error === undefined)(
  "curl gets a picture, and what is saved is in the folder",
  async () => {
    await using server = await start("--output-dir", "pictures");
    const body = JSON.stringify({ prompt: "a fox", steps: 2, save_images: true });
    const flags = ["-sS", "-H", "Content-Type: application/json", "-d", body];
    const { stdout } = spawnSync("curl", [...flags, `${server.url}/sdapi/v1/txt2img`], { encoding: "utf8" });
    expect(JSON.parse(stdout)).toMatchObject({ images: [expect.stringMatching(/^iVBOR/)] });
    expect(readdirSync(join(folder, "pictures"))).toHaveLength(1);
  },
);

test.each(["--store", "--output-dir"])("A folder of %s that cannot be written is told at once", async (flag) => {
  writeFileSync(join(folder, "plain"), "");
  const place = join(folder, "plain", "pictures");
  const { code, stderr } = await runCli("serve", "--port", "0", flag, place);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("it is no folder") });
});

test("SIGTERM lets what runs end, gives back what waits, and ends with 0; the log has no prompt", async () => {
  await using server = await start();
  const options = { prompt: "a secret fox", steps: 30 };
  const [running, waiting] = [0, 1].map(() => ask(server.url, "/v1/images/generations", options));
  await expect
    .poll(async () => (await (await fetch(`${server.url}/ready`)).json()) as object, { timeout: 20_000 })
    .toMatchObject({ running: 1, waiting: 1 });
  const ended = once(server.process, "exit");
  server.process.kill("SIGTERM");
  expect([(await running)?.status, (await waiting)?.status].sort()).toEqual([200, 503]);
  expect(await ended).toEqual([0, null]);
  const logged = await server.logged;
  expect(logged).toContain('"stopping"');
  expect(logged).not.toContain("secret");
  for (const line of logged.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
});

test("What runs too long after SIGTERM is ended", async () => {
  await using server = await start("--grace", "0");
  const running = ask(server.url, "/v1/images/generations", { prompt: "a fox", steps: 250 });
  await expect
    .poll(async () => (await (await fetch(`${server.url}/ready`)).json()) as object, { timeout: 20_000 })
    .toMatchObject({ running: 1 });
  const ended = once(server.process, "exit");
  server.process.kill("SIGTERM");
  expect((await running).status).toBe(503);
  expect(await ended).toEqual([0, null]);
});

test("A key is asked for where there is one, also in the environment", async () => {
  await using server = await start("--api-key", "right", "--model", "named=fluent-scenes");
  expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
  const answer = await fetch(`${server.url}/v1/models`, { headers: { authorization: "Bearer right" } });
  expect(await answer.json()).toMatchObject({ data: [{ id: "named" }] });
});

const MODELS = join(folder, "models.json");
const asModels = (models: unknown): string => {
  writeFileSync(MODELS, JSON.stringify(models));
  return MODELS;
};

test("Models of a file are opened each in its own way, beside those of flags", async () => {
  const path = fixturePath("pipelines/sd15/model");
  const file = asModels({ plain: path, other: { path, vae: join(path, "vae"), ema: false } });
  await using server = await start("--models", file, "--model", "named=fluent-scenes", "--store", "kept");
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(["named", "plain", "other"]);
  const asked = { model: "other", prompt: "a fox", steps: 1, size: "64x64", response_format: "url" };
  const body = (await (await ask(server.url, "/v1/images/generations", asked)).json()) as { data: { url: string }[] };
  expect((await fetch(body.data[0]?.url ?? "")).headers.get("content-type")).toBe("image/png");
  expect(readdirSync(join(folder, "kept", "pictures"))).toHaveLength(1);
});

test.each([
  [[], "a JSON object is required"],
  [{ "a b": "x" }, 'letters, digits, "_", "." and "-" are required as its name'],
  [{ a: 1 }, "a path or an object is required"],
  [{ a: { vae: "x" } }, 'its "path" is missing'],
  [{ a: { path: "x", weights: "y" } }, '"weights" is none of path, vae'],
  [{ a: { path: "x", ema: "no" } }, '"no" cannot be its "ema"'],
  [{ a: { path: "x", controlnet: [1] } }, '[1] cannot be its "controlnet"'],
])("The models %j are refused", async (models, message) => {
  const { code, stderr } = await runCli("serve", "--models", asModels(models));
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});

describe("deepcache serve refuses", () => {
  test.each([
    [["--models", "nowhere.json"], 'Cannot read models from "nowhere.json"'],
    [["--redis", "redis://a", "--vae", "a"], "Cannot use --vae with --redis: give it to deepcache worker"],
    [["--redis", "redis://a", "--no-ema"], "Cannot use --no-ema with --redis: give it to deepcache worker"],
    [["--store", "ftp://a"], 'Cannot use the store "ftp://a": a folder or s3://BUCKET/PREFIX is required'],
    [["--host", "0.0.0.0"], "Cannot listen on --host 0.0.0.0 without a key"],
    [["--port", "-1"], "Cannot use --port -1: a whole number from 0 is required"],
    [["--cors", "example.com"], "Cannot use --cors example.com: an origin such as https://example.com is required"],
    [["--model", "nowhere"], 'Cannot find the model "nowhere"'],
    [["--model", "a=fluent-scenes", "--model", "a=fluent-scenes"], 'Cannot serve two models as "a"'],
    [["--api-key", " "], "Cannot use an empty --api-key"],
    [["--lora-dir", "nowhere"], 'Cannot read --lora-dir "nowhere"'],
    [["--host", "203.0.113.1", "--no-api-key"], "Cannot listen on 203.0.113.1:7860"],
  ])("%j", async (flags, message) => {
    const { code, stderr } = await runCli("serve", ...flags);
    expect(stderr).toContain(message);
    expect([1, 2]).toContain(code);
  });
});
