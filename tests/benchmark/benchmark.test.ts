import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BenchmarkOptions, benchmark } from "../../src/benchmark/benchmark.ts";
import { equalComputeSteps } from "../../src/benchmark/equal-compute.ts";
import { reportMarkdown } from "../../src/benchmark/report/markdown.ts";
import { speedupPlot } from "../../src/benchmark/report/plot.ts";
import type { BenchmarkReport } from "../../src/benchmark/report/report.ts";
import { reportTables } from "../../src/benchmark/report/report-tables.ts";
import type { Subject } from "../../src/benchmark/subject.ts";
import { parseScenarios } from "../../src/pipelines/run/scenario.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { tinySubject } from "./tiny-subject.ts";

const MACHINE = { cpu: "a <test> CPU", cores: 1, node: "20", runtime: "onnxruntime" };
const OPTIONS: BenchmarkOptions = {
  branches: [0, 1],
  intervals: [2, 5],
  scenarios: parseScenarios("off,uniform:5:1,steps:3,euler:4+uniform:2:0"),
  evaluations: 10,
  repeat: 3,
  runRepeat: 2,
  uncut: true,
  parts: true,
  peak: { matrix: 32, channels: 4, size: 8, repeat: 2 },
};

let subject: Subject;
let report: BenchmarkReport;

function run(options: Partial<BenchmarkOptions> = {}, signal?: AbortSignal): Promise<BenchmarkReport> {
  const probe = { now: () => performance.now(), peakBytes: () => 123, signal };
  return benchmark(
    subject,
    { ...OPTIONS, ...options },
    { runtime: nodeRuntime({ threads: 1 }), machine: MACHINE, probe },
  );
}

const folder = mkdtempSync(join(tmpdir(), "deepcache-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  subject = await tinySubject(folder);
  report = await run();
});

describe("a report", () => {
  test("has the documented fields, as plain JSON", () => {
    const json = JSON.parse(JSON.stringify(report)) as BenchmarkReport;
    expect(json).toEqual(report);
    expect(json).toMatchObject({
      machine: {
        ...MACHINE,
        device: "cpu",
        gemmGflops: expect.any(Number),
        convGflops: expect.any(Number),
        softmaxGexps: expect.any(Number),
      },
      architecture: "tiny",
      full: { seconds: expect.any(Number), macs: expect.any(Number) },
      outsideRuntime: expect.any(Number),
      peakBytes: 123,
      firstEvaluationSeconds: expect.any(Number),
    });
    expect(json.branches.map(({ branch }) => branch)).toEqual([0, 1]);
    for (const { cached, ratio, speedup, limit } of json.branches) {
      expect(cached).toMatchObject({ seconds: expect.any(Number), macs: expect.any(Number) });
      expect(ratio).toBeGreaterThan(0);
      expect(Object.keys(speedup)).toEqual(["2", "5"]);
      expect(Object.keys(limit)).toEqual(["2", "5"]);
    }
  });

  test("computes speed-ups and limits from its own times and operations", () => {
    for (const { full, cached, ratio, speedup, limit, hoistedLimit, fraction, roofline } of report.branches) {
      expect(ratio).toBeCloseTo(cached.seconds / full.seconds);
      expect(speedup["5"]).toBeCloseTo((10 * full.seconds) / (2 * full.seconds + 8 * cached.seconds));
      expect(limit["5"]).toBeCloseTo((10 * full.macs) / (2 * full.macs + 8 * cached.macs));
      expect(hoistedLimit["5"]).toBeCloseTo(
        (10 * full.computedMacs) / (2 * full.computedMacs + 8 * cached.computedMacs),
      );
      expect(fraction["2"]).toBeCloseTo((speedup["2"] ?? 0) / (hoistedLimit["2"] ?? 0));
      expect(cached.computedMacs).toBeLessThanOrEqual(cached.macs);
      expect(full.gflops).toBeCloseTo((2 * full.computedMacs) / full.seconds / 1e9);
      expect(full.floorSeconds).toBeGreaterThan(cached.floorSeconds);
      expect(roofline["5"]).toBeCloseTo((10 * full.floorSeconds) / (2 * full.floorSeconds + 8 * cached.floorSeconds));
      expect(cached.samples).toBe(3);
      expect(cached.quartiles[0]).toBeLessThanOrEqual(cached.seconds);
      expect(cached.quartiles[1]).toBeGreaterThanOrEqual(cached.seconds);
    }
  });

  test("has head, trunk and tail of every branch", () => {
    for (const { parts } of report.branches) expect(parts).toMatchObject({ head: {}, trunk: {}, tail: {} });
  });

  test("has whole runs beside one another, fewer steps among them", () => {
    expect(report.runs.map(({ name, branch, evaluations, full }) => [name, branch, evaluations, full])).toEqual([
      ["off", 0, 10, 10],
      ["steps:3", 0, 3, 3],
      ["euler:4+uniform:2:0", 0, 4, 2],
      ["uniform:5:1", 1, 10, 2],
    ]);
    const [off, fewer, other, cached] = report.runs;
    expect(off).toMatchObject({ speedup: 1, limit: 1, fse: 10, baseline: "run", sampler: "ddim", samples: 2 });
    expect(fewer?.fse).toBe(3);
    expect(other?.sampler).toBe("euler");
    expect(cached?.speedup).toBeCloseTo((off?.seconds ?? 0) / (cached?.seconds ?? 0));
    for (const { outsideRuntime } of report.runs) expect(outsideRuntime).toBeGreaterThan(0);
    for (const { outsideRuntime } of report.runs) expect(outsideRuntime).toBeLessThan(1);
  });
});

describe("a benchmark", () => {
  test("measures evaluations alone where no runs are asked for", async () => {
    const { runs, outsideRuntime, branches } = await run({ scenarios: [], branches: [2], uncut: false });
    expect(runs).toEqual([]);
    expect(branches.map(({ branch }) => branch)).toEqual([2]);
    expect(outsideRuntime).toBeGreaterThan(0);
    expect(outsideRuntime).toBeLessThan(1);
  });

  test("measures runs without a run of the same name against its full evaluations", async () => {
    const { runs, full } = await run({ scenarios: parseScenarios("uniform:5:0"), branches: [0], uncut: false });
    expect(runs[0]?.baseline).toBe("evaluations");
    expect(runs[0]?.speedup).toBeCloseTo((10 * full.seconds) / (runs[0]?.seconds ?? 0));
  });

  test("cuts at branches that only a scenario names", async () => {
    const { branches } = await run({ scenarios: parseScenarios("uniform:5:3"), branches: [0], uncut: false });
    expect(branches.map(({ branch }) => branch)).toEqual([0, 3]);
  });

  test("takes the making of weights out of the time to the first evaluation", async () => {
    const options = { scenarios: [], branches: [0], uncut: false };
    const { firstEvaluationSeconds, firstEvaluationSinceLoadSeconds } = await run({
      ...options,
      preparationSeconds: 1e4,
    });
    expect(firstEvaluationSeconds).toBeLessThan(0);
    expect(firstEvaluationSinceLoadSeconds).toBeGreaterThan(0);
  });

  test("refuses branches that the network lacks, before it loads anything", async () => {
    await expect(run({ branches: [4] })).rejects.toThrow("this network has branches 0 to 3");
    await expect(run({ scenarios: parseScenarios("uniform:2:9") })).rejects.toThrow("branches 0 to 3");
  });

  test("stops when it is told to", async () => {
    const signal = AbortSignal.abort(new Error("stopped by the test"));
    await expect(run({}, signal)).rejects.toThrow("stopped by the test");
  });
});

test("steps at equal compute cost what the cached run costs, and at least one", () => {
  const steps = equalComputeSteps(subject, { branch: 0, interval: 5, evaluations: 50 });
  expect(steps).toBeGreaterThan(10);
  expect(steps).toBeLessThan(50);
  expect(equalComputeSteps(subject, { branch: 0, interval: 1, evaluations: 50 })).toBe(50);
  expect(equalComputeSteps(subject, { branch: 0, interval: 5, evaluations: 1 })).toBe(1);
  expect(() => equalComputeSteps(subject, { branch: 4, interval: 5, evaluations: 1 })).toThrow("branches 0 to 3");
});

describe("the page", () => {
  test("says what the report says", () => {
    const page = reportMarkdown(report, "plot.svg");
    for (const { branch, speedup, fraction } of report.branches) {
      const cells = `| branch ${branch} | 5 | ${speedup["5"]?.toFixed(2)}× |`;
      expect(page).toContain(cells);
      expect(page).toContain(`${(100 * (fraction["5"] ?? 0)).toFixed(0)} % |`);
    }
    for (const { name, speedup } of report.runs) {
      expect(page).toMatch(new RegExp(`\\| ${name.replaceAll("+", "\\+")} \\|.* ${speedup.toFixed(2)}× \\|`));
    }
    expect(page).toContain("![Speed-up against interval](plot.svg)");
  });

  test("has no table of runs where there were none", () => {
    expect(reportTables({ ...report, runs: [] }).map(({ title }) => title)).not.toContain("Whole runs");
  });
});

describe("the plot", () => {
  /** y of the last point of every line, from top to bottom of the file. */
  const ends = (svg: string): number[] =>
    [...svg.matchAll(/<polyline[^>]* points="[^"]*,([\d.]+)"/g)].map(([, y]) => Number(y));
  const branch = (speedup: number, limit: number) => ({
    ...report.branches[0]!,
    speedup: { "2": 1.5, "5": speedup },
    hoistedLimit: { "2": 1.8, "5": limit },
  });

  test("draws the limit and the measured speed-up of every branch where their numbers are", () => {
    const svg = speedupPlot({ ...report, branches: [branch(3, 4)], runs: [] });
    const [limit = 0, measured = 0] = ends(svg);
    const label = (text: string): number => Number(new RegExp(`y="([\\d.]+)" [^>]*>${text}×<`).exec(svg)?.[1]) - 4;
    expect(limit).toBeCloseTo(label("4"), 0);
    expect(measured).toBeCloseTo(label("3"), 0);
  });

  test("is well-formed text without what the machine's name could break", () => {
    const svg = speedupPlot(report);
    expect(svg).toContain("a &lt;test&gt; CPU");
    expect(svg).not.toContain("NaN");
    expect(ends(svg)).toHaveLength(4);
  });
});
