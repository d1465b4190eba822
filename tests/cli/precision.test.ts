import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import type { BenchmarkReport } from "../../src/benchmark/report/report.ts";
import { choiceText } from "../../src/cli/settle-precision.ts";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { runCli } from "../support/cli.ts";

const SIZE = ["-W", "64", "-H", "64"];
const FOX = ["a fox on a teal background", "--steps", "2", "--sampler", "ddim", "--seed", "1", ...SIZE];
const folder = mkdtempSync(join(tmpdir(), "deepcache-precision-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.unstubAllEnvs());
const at = (name: string): string => join(folder, name);

const settingsOf = (path: string): Readonly<Record<string, unknown>> =>
  parseParameters(decodePng(readFileSync(path)).text["parameters"] ?? "").settings;

async function made(
  name: string,
  ...args: string[]
): Promise<{ data: Buffer; settings: Readonly<Record<string, unknown>> }> {
  expect(await runCli("generate", ...args, "-o", at(name))).toMatchObject({ code: 0 });
  return { data: Buffer.from(decodePng(readFileSync(at(name))).image.data), settings: settingsOf(at(name)) };
}

describe("--precision int8", () => {
  test("makes another picture than float32, says so in it, and makes it again", async () => {
    const exact = await made("exact.png", ...FOX);
    const narrow = await made("narrow.png", ...FOX, "--precision", "int8");
    expect(exact.settings).not.toHaveProperty("Precision");
    expect(narrow.settings).toEqual({ ...exact.settings, Precision: "int8" });
    expect(narrow.data.equals(exact.data)).toBe(false);
    const again = await made("again.png", "--like", at("narrow.png"));
    expect(again.settings).toEqual(narrow.settings);
    expect(again.data.equals(narrow.data)).toBe(true);
    const other = await made("other.png", "--like", at("narrow.png"), "--precision", "float32");
    expect(other.data.equals(exact.data)).toBe(true);
  });

  test("keeps what holds of caches: at interval 1 there is none, and runs do not differ", async () => {
    const uncached = await made("uncached.png", ...FOX, "--precision", "int8");
    const every = await made("every.png", ...FOX, "--precision", "int8", "--interval", "1");
    expect(every.data.equals(uncached.data)).toBe(true);
    const cached = ["--precision", "int8", "--interval", "2", "--branch", "1"];
    const [first, second] = [await made("first.png", ...FOX, ...cached), await made("second.png", ...FOX, ...cached)];
    expect(second.data.equals(first.data)).toBe(true);
    expect(first.data.equals(uncached.data)).toBe(false);
  });

  test("is refused by another name", async () => {
    const run = await runCli("generate", ...FOX, "--precision", "int4", "-o", at("none.png"));
    expect(run).toMatchObject({ code: 2 });
    expect(run.stderr).toContain(
      "Cannot use --precision int4: one of float32, int8, bfloat16, float16, auto is required",
    );
  });
});

describe("--precision auto", () => {
  test("says on stderr what it came to, writes that into the picture, and measures once", async () => {
    vi.stubEnv("XDG_CACHE_HOME", at("cache"));
    const args = ["generate", ...FOX, "--precision", "auto", "-o", at("auto.png")];
    const runs = [await runCli(...args), await runCli(...args)];
    const [said, again] = runs.map(({ stderr }) =>
      /^computing in (\w+): int8 [\d.]+ times as fast as float32/m.exec(stderr),
    );
    expect(said?.[1]).toMatch(/^(float32|int8)$/);
    expect(again?.[0]).toBe(said?.[0]);
    expect(settingsOf(at("auto.png"))["Precision"]).toBe(said?.[1] === "int8" ? "int8" : undefined);
    expect(readdirSync(at("cache/deepcache/machine"))).toHaveLength(1);
  });

  test("is float32 on a device that computes in nothing else", async () => {
    expect(choiceText({ precision: "float32", gains: {}, measured: false })).toBe(
      "computing in float32: there is no choice on this device",
    );
  });
});

test("eval compares policies in int8 with float32", async () => {
  writeFileSync(at("prompts.txt"), "a fox on a teal background\na panda on a purple background\n");
  const run = await runCli(
    ...[
      "eval",
      "--prompts",
      at("prompts.txt"),
      "--steps",
      "2",
      "--sampler",
      "ddim",
      ...SIZE,
      "--policies",
      "off,uniform:2+int8,off+int8",
    ],
    ...["--metrics", "psnr", "--count", "2", "--batch", "2", "--output", at("evaluation"), "--json"],
  );
  expect(run).toMatchObject({ code: 0 });
  const lines = readFileSync(at("evaluation/results.jsonl"), "utf8").trim().split("\n");
  const psnrs = Object.fromEntries(
    lines.map((line) => JSON.parse(line)).map(({ policy, metrics }) => [policy, metrics.psnr]),
  );
  expect(psnrs["off"]).toBeUndefined();
  expect(psnrs["off+int8"]).toBeGreaterThan(30);
  expect(psnrs["off+int8"]).toBeLessThan(60);
  expect(psnrs["uniform:2+int8"]).toBeLessThan(psnrs["off+int8"]);
  const pictures = readdirSync(at("evaluation"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".png"),
  );
  const narrow = pictures.filter((name) => settingsOf(at(join("evaluation", name)))["Precision"] === "int8");
  expect([pictures.length, narrow.length]).toEqual([6, 4]);
});

describe("bench", () => {
  const QUICK = ["--repeat", "1", "--evaluations", "2", "--intervals", "2"];

  test("times a network in int8, and says so", async () => {
    const run = await runCli("bench", ...QUICK, "--json", "--no-runs", "--precision", "int8");
    expect(run.json<BenchmarkReport>().machine).toMatchObject({ precision: "int8" });
  });

  test("times networks and runs in several precisions in turn, with their ratios", async () => {
    const run = await runCli("bench", ...QUICK, "--policies", "off,off+int8,uniform:2:0+int8");
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/^In turn with float32\n.*\nint8, branch 0 .* [\d.]+× .* [\d.]+×/m);
    const json = await runCli("bench", ...QUICK, "--json", "--precision", "float32,int8", "--no-runs");
    const report = json.json<BenchmarkReport>();
    expect(report.machine).toMatchObject({ precision: "float32" });
    const [int8, ...others] = report.branches[0]?.precisions ?? [];
    expect(others).toEqual([]);
    expect(int8?.precision).toBe("int8");
    expect(int8?.full.speedup).toBeCloseTo((report.branches[0]?.full.seconds ?? 0) / (int8?.full.seconds ?? 0), 6);
    const both = await runCli("bench", ...QUICK, "--json", "--policies", "off,off+int8,uniform:2:0+int8");
    const { runs } = both.json<BenchmarkReport>();
    expect(runs.map(({ name, evaluations, full }) => [name, evaluations, full])).toEqual([
      ["off", 2, 2],
      ["off+int8", 2, 2],
      ["uniform:2:0+int8", 2, 1],
    ]);
    expect(runs[1]?.speedup).toBeCloseTo((runs[0]?.seconds ?? 0) / (runs[1]?.seconds ?? 0), 6);
  });
});
