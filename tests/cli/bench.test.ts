import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BenchmarkReport } from "../../src/benchmark/report/report.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { runCli } from "../support/cli.ts";

const QUICK = ["--repeat", "1", "--evaluations", "4", "--intervals", "2"];
const TINY_CIFAR = ["--architecture", "ddpm-cifar10", "--width", "8", "--height", "8"];

test("bench measures the embedded model and writes a page, a plot and JSON", async () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  const run = await runCli(
    ...["bench", ...QUICK, "--branches", "0,1", "--policies", "off,uniform:2:1"],
    ...["--report", at("page.md"), "--output", at("report.json")],
  );
  expect(run).toMatchObject({ code: 0, stderr: "" });
  const report = JSON.parse(readFileSync(at("report.json"), "utf8")) as BenchmarkReport;
  expect(report.architecture).toBe("fluent-scenes");
  expect(report.runs.map(({ name }) => name)).toEqual(["off", "uniform:2:1"]);
  expect(report.peakBytes).toBeGreaterThan(1e7);
  expect(report.firstEvaluationSeconds).toBeGreaterThan(0);
  const speedup = `${report.branches[1]?.speedup["2"]?.toFixed(2)}×`;
  expect(run.stdout).toContain(speedup);
  expect(readFileSync(at("page.md"), "utf8")).toContain("](page.svg)");
  expect(readFileSync(at("page.md"), "utf8")).toContain(speedup);
  expect(readFileSync(at("page.svg"), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
});

test("bench makes random weights of an architecture once, and removes them on request", async () => {
  const folder = temporaryFolder();
  const cache = ["--cache-folder", folder];
  const bench = () => runCli("bench", ...TINY_CIFAR, ...QUICK, "--no-runs", "--json", ...cache);
  const first = await bench();
  expect(first.code).toBe(0);
  const report = first.json<BenchmarkReport>();
  expect(report).toMatchObject({ architecture: "ddpm-cifar10", weights: "fp16", sample: [3, 8, 8], runs: [] });
  const path = join(folder, "benchmark", "ddpm-cifar10-fp16.safetensors");
  expect(readdirSync(join(folder, "benchmark"))).toEqual(["ddpm-cifar10-fp16.safetensors"]);
  const { mtimeMs } = statSync(path);
  expect((await bench()).code).toBe(0);
  expect(statSync(path).mtimeMs).toBe(mtimeMs);
  expect(await runCli("bench", "--clean", ...cache)).toMatchObject({ code: 0 });
  expect(existsSync(path)).toBe(false);
});

test("bench runs fewer steps at equal compute unless told what to run", async () => {
  const { code, json } = await runCli("bench", ...QUICK, "--evaluations", "10", "--json");
  expect(code).toBe(0);
  const names = json<BenchmarkReport>().runs.map(({ name }) => name);
  expect(names).toEqual(["off", "uniform:5:0", expect.stringMatching(/^steps:[23]$/)]);
});

describe("bench refuses", () => {
  test.each([
    [["--architecture", "nothing"], 'Cannot find architecture "nothing"'],
    [["--architecture", "ddpm-cifar10", "--model", "x"], "Cannot use --model together with --architecture"],
    [["--architecture", "ddpm-cifar10", "--width", "9"], "multiples of 8 are required"],
    [["--dtype", "int8"], "Cannot use --dtype int8: one of fp16, fp32 is required"],
    [["--no-runs", "--policies", "off"], "Cannot use --policies together with --no-runs"],
    [["--policies", "sometimes:3"], '"sometimes" is none of off, uniform'],
    [["--branches", "12"], "this network has branches 0 to 8"],
    [["--branches", "0,x"], 'Cannot read --branches "x"'],
    [["--intervals", "0"], "Cannot use --intervals 0: a whole number from 1 is required"],
    [["--repeat", "0"], "Cannot use --repeat 0"],
    [["--run-repeat", "0"], "Cannot use --run-repeat 0"],
    [["--batch", "0"], "Cannot use --batch 0"],
    [["--evaluations", "0"], "Cannot use --evaluations 0"],
  ])("%j", async (args, message) => {
    const { code, stderr } = await runCli("bench", "--cache-folder", temporaryFolder(), ...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test("a report that it could not write, before it measures", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const { code, stderr } = await runCli("bench", "--report", join(file, "page.md"));
    expect(stderr).toContain("it is no folder");
    expect(code).toBe(1);
  });
});
