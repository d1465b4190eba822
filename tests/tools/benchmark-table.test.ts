import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { BenchmarkReport } from "../../src/benchmark/report/report.ts";
import { type AgainstPytorch, againstPytorchTables } from "../../tools/pages/against-pytorch.ts";
import { benchmarkTable } from "../../tools/pages/benchmark-table.ts";
import { readMarked } from "../../tools/pages/marked.ts";
import { rooflineTable } from "../../tools/pages/roofline-table.ts";

const root = new URL("../../", import.meta.url);
const results = new URL("benchmarks/results/", root);
const reports = readdirSync(results)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, results), "utf8")) as BenchmarkReport);

test("the tables of the page on performance are what the committed reports give", () => {
  const performance = readFileSync(new URL("docs/performance.md", root), "utf8");
  expect(readMarked(performance, "benchmark")).toBe(benchmarkTable(reports));
  expect(readMarked(performance, "roofline")).toBe(rooflineTable(reports));
  expect(reports.map(({ architecture }) => architecture).sort()).toEqual([
    ...["ddpm-cifar10", "ddpm-lsun", "fluent-scenes", "ldm-4-g", "stable-diffusion-v1-5"],
  ]);
});

describe("the table", () => {
  const report = reports.find(({ architecture }) => architecture === "stable-diffusion-v1-5")!;

  test("has the paper's speed-up beside the branch that it measured", () => {
    const lines = benchmarkTable([report]).split("\n");
    const [zero, one] = lines.filter((line) => line.startsWith("| Stable Diffusion"));
    expect(zero).not.toContain("paper");
    expect(one).toMatch(/paper 1\.45×.*paper 1\.72×.*paper 2\.15×/);
    expect(one).toContain(`**${report.branches[1]?.speedup["5"]?.toFixed(2)}×**`);
  });

  test("counts operations per sample", () => {
    const cifar = reports.find(({ architecture }) => architecture === "ddpm-cifar10")!;
    expect(cifar.batch).toBe(16);
    expect(benchmarkTable([cifar])).toContain(`| ${(cifar.full.macs / 16e9).toFixed(2)} G |`);
  });

  test("refuses models that it does not know", () => {
    expect(() => benchmarkTable([{ ...report, architecture: "other" }])).toThrow('Cannot put "other" into the table');
  });
});

describe("the table against PyTorch", () => {
  test("is what the committed measurements give", () => {
    const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
    const names = readdirSync(new URL("benchmarks/against-pytorch/", root)).sort();
    const machines = names.map((name) => JSON.parse(read(`benchmarks/against-pytorch/${name}`)) as AgainstPytorch);
    expect(readMarked(read("docs/performance.md"), "against-pytorch")).toBe(againstPytorchTables(machines));
  });

  test("has medians of every process, ours over PyTorch's", () => {
    const sample = (pytorch: number, deepcache: number) => ({
      ...{ architecture: "ddpm-lsun", batch: 1, branch: 2 },
      pytorch: { full: pytorch, cached: pytorch / 2, peak: 2e9 },
      deepcache: { full: deepcache, cached: deepcache / 4, peak: 1e9 },
    });
    const report: AgainstPytorch = {
      machine: { cpu: "a CPU", cores: 2, node: "20" },
      versions: "2 1",
      samples: [sample(3, 2), sample(4, 1), sample(5, 3)],
      first: [{ pytorch: { loaded: 10, first: 20 }, deepcache: { loaded: 4, first: 5 } }],
    };
    const table = againstPytorchTables([report, { ...report, note: "On a ship." }]);
    expect(table).toContain(
      "| DDPM, LSUN 256×256, 1 | 2 | 4.00 s / 2.00 s = **0.50** | 2.00 s / 0.500 s = **0.25** | 1.67× / 2.50× | 2.00 / 1.00 |",
    );
    expect(table).toContain("first evaluation: 10.00 s / 4.00 s = **0.40**; to its end: 20.00 s / 5.00 s = **0.25**");
    expect(table.match(/Node 20\..*$/gm), "a machine each").toEqual(["Node 20.", "Node 20. On a ship."]);
  });
});
