import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { s3Server } from "../server/objects/s3-server.ts";
import { HAS_REDIS, type RedisServer, redisServer } from "../server/queue/redis-server.ts";
import { type CliRun, runCli } from "../support/cli.ts";
import { fixturePath } from "../support/fixtures.ts";
import { writeClipFolder } from "../support/models/clip-folder.ts";
import { MAIN, processes } from "../support/processes.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-spread-"));
const at = (...names: string[]): string => join(folder, ...names);
const { start, end, ...running } = processes();

const PROMPTS = at("prompts.txt");
writeFileSync(PROMPTS, "a fox\nan owl at night\na red car\n");
const MODEL = ["--model", fixturePath("pipelines/sd15/model"), "--width", "32", "--height", "32", "--threads", "1"];
const POLICIES = ["--policies", "off,uniform:2:0,steps:3"];
const BASE = [...MODEL, ...POLICIES, "--prompts", PROMPTS, "--batch", "2", "--seed", "11"];

/** Files whose content does not depend on how long things took, and what they hold. */
function contents(name: string): Record<string, Buffer> {
  const measured = ["timings.jsonl", "times.json", "report.html"];
  const files = readdirSync(at(name), { recursive: true, encoding: "utf8" })
    .filter((file) => !measured.includes(file) && statSync(at(name, file)).isFile())
    .sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(at(name, file))]));
}

describe.runIf(HAS_REDIS)("deepcache eval --redis", { timeout: 120_000 }, () => {
  let redis: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    redis = await redisServer();
    client = new Redis(redis.url);
  });
  afterEach(() => end("worker"));
  afterAll(async () => {
    client?.disconnect();
    await running[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const worker = async (...flags: readonly string[]) =>
    (await start("worker", "--redis", redis.url, "--evaluations", "--patience", "1", "--threads", "1", ...flags)).child;
  const evaluate = (output: string, ...args: string[]): Promise<CliRun> =>
    runCli("eval", ...args, "--output", at(output));
  const spread = (output: string, ...args: string[]) => evaluate(output, ...args, "--redis", redis.url);
  const shards = (output: string): string[] =>
    existsSync(at(output, "shards")) ? readdirSync(at(output, "shards")) : [];
  const kept = async () => (await client.keys("*")).filter((key) => /:(job|request|events|objects|asked):/.test(key));

  test("gives byte for byte what one machine gives, and leaves nothing behind", async () => {
    const clip = at("clip");
    writeClipFolder(clip);
    const args = [...BASE, "--count", "5", "--steps", "4", "--metrics", "psnr,ssim,clip", "--clip", clip];
    const [whole] = await Promise.all([evaluate("whole", ...args, "--json"), worker(), worker()]);
    expect(whole).toMatchObject({ code: 0, stderr: "" });
    const made = await spread("spread", ...args, "--json");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(contents("spread")).toEqual(contents("whole"));
    expect(Object.keys(contents("spread")).filter((name) => name.endsWith(".png"))).toHaveLength(15);
    expect(existsSync(at("spread", "report.html"))).toBe(true);
    expect(await kept()).toEqual([]);
    // Started again, it has nothing to do.
    await end("worker");
    expect(await spread("spread", ...args)).toMatchObject({ code: 0, stderr: "" });
    expect(contents("spread")).toEqual(contents("whole"));
  });

  test("has the shard of a worker that is killed made by another", async () => {
    const args = [...BASE, "--count", "4", "--steps", "60"];
    const first = await worker();
    const made = spread("killed", ...args);
    await expect.poll(() => client.scard("deepcache-evaluations:running"), { timeout: 20_000 }).toBe(1);
    await end(first);
    expect(shards("killed")).toEqual([]);
    await worker();
    expect(await made).toMatchObject({ code: 0 });
    await evaluate("killed-whole", ...args);
    expect(contents("killed")).toEqual(contents("killed-whole"));
  });

  test("goes on with the shards that are there, in as many as are asked for", async () => {
    const args = [...BASE, "--count", "6", "--steps", "5", "--shards", "2"];
    await worker();
    expect(await spread("again", ...args)).toMatchObject({ code: 0, stderr: "" });
    const whole = contents("again");
    // As if it had been stopped after the first shard.
    await evaluate("shard-1", ...BASE, "--count", "6", "--steps", "5", "--shard", "1/2");
    cpSync(at("shard-1"), at("again-2", "shards", "1-of-2"), { recursive: true });
    expect(await spread("again-2", ...args)).toMatchObject({ code: 0 });
    expect(contents("again-2")).toEqual(whole);
    expect(readFileSync(at("again-2", "timings.jsonl"), "utf8")).toContain(
      readFileSync(at("shard-1", "timings.jsonl"), "utf8").split("\n")[0] ?? "",
    );
    expect(await spread("shard-1", ...BASE, "--count", "6", "--steps", "5")).toMatchObject({ code: 2 });
  });

  test.each(["a-folder", "a-bucket"])("takes what workers make from %s", async (name) => {
    await using s3 = await s3Server();
    const place = name === "a-folder" ? at("store") : `s3://${s3.bucket}/evaluations`;
    const before = { ...process.env };
    Object.assign(process.env, s3.environment);
    try {
      await worker("--store", place);
      const large = ["--width", "64", "--height", "64", "--store", place];
      expect(await spread(name, ...BASE, "--count", "2", "--steps", "2", ...large)).toMatchObject({ code: 0 });
      expect(Object.keys(contents(name)).filter((file) => file.endsWith(".png"))).toHaveLength(6);
      if (name === "a-folder") return expect(readdirSync(join(place, "jobs"))).toEqual([]);
      expect(s3.put.length).toBeGreaterThanOrEqual(6);
      expect([...s3.held.keys()]).toEqual([]);
    } finally {
      process.env = before;
    }
  });

  test("says what a worker says where a shard cannot be made, and does not try again what nobody can mend", async () => {
    await worker();
    const { code, stderr } = await spread("impossible", ...BASE, "--count", "2", "--policies", "off,uniform:2:99");
    expect(stderr).toMatch(/^Cannot make shard 1\/1: Cannot .*99/);
    expect(code).toBe(2);
    expect(shards("impossible")).toEqual([]);
    expect(await client.scard("deepcache-evaluations:running")).toBe(0);
  });

  test("that is interrupted leaves no work behind", async () => {
    await worker();
    const args = [...BASE, "--count", "4", "--steps", "400", "--redis", redis.url, "--output", at("left")];
    const child = spawn(process.execPath, [MAIN, "eval", ...args]);
    await expect.poll(() => client.scard("deepcache-evaluations:running"), { timeout: 20_000 }).toBe(1);
    await end(child, "SIGINT");
    await expect.poll(() => client.scard("deepcache-evaluations:running"), { timeout: 20_000 }).toBe(0);
    expect(await client.zcard("deepcache-evaluations:line")).toBe(0);
    expect((await kept()).filter((key) => key.includes(":asked:"))).toEqual([]);
  });
});

test.each([
  [["--shards", "2"], "Cannot use --shards without --redis"],
  [["--store", "a"], "Cannot use --store without --redis"],
  [["--redis", "redis://a", "--shard", "1/2"], "Cannot use --redis together with --shard"],
  [["--redis", "redis://a", "--merge", "a"], "Cannot use --redis together with --merge"],
  [["--redis", "redis://a", "--shards", "100000"], "Cannot use --shards 100000: at most 10000 are allowed"],
])("deepcache eval refuses %j", async (args, message) => {
  const { code, stderr } = await runCli("eval", ...args, "--output", join(tmpdir(), "deepcache-none"));
  expect([code, stderr]).toEqual([2, `${message}\n`]);
});

test("deepcache worker --evaluations refuses what says how models are opened", async () => {
  for (const [flag, value] of [
    ["--model", "a"],
    ["--vae", "a"],
    ["--memory", "9"],
  ] as const) {
    const { code, stderr } = await runCli("worker", "--redis", "redis://a", "--evaluations", flag, value);
    expect([code, stderr]).toEqual([2, `Cannot use ${flag} with --evaluations: give it to deepcache eval\n`]);
  }
});
