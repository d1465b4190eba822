import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readmeTable, withTable } from "../../src/benchmark/readme-table.ts";
import type { BenchmarkReport } from "../../src/benchmark/report.ts";

const root = new URL("../../", import.meta.url);
const results = new URL("benchmarks/results/", root);
const reports = readdirSync(results)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, results), "utf8")) as BenchmarkReport);

test("README's table is what the committed reports give", () => {
  const readme = readFileSync(new URL("README.md", root), "utf8");
  expect(withTable(readme, readmeTable(reports))).toBe(readme);
  expect(reports.map(({ architecture }) => architecture).sort()).toEqual([
    ...["ddpm-cifar10", "ddpm-lsun", "fluent-scenes", "ldm-4-g", "stable-diffusion-v1-5"],
  ]);
});

describe("the table", () => {
  const report = reports.find(({ architecture }) => architecture === "stable-diffusion-v1-5")!;

  test("has the paper's speed-up beside the branch that it measured", () => {
    const lines = readmeTable([report]).split("\n");
    const [zero, one] = lines.filter((line) => line.startsWith("| Stable Diffusion"));
    expect(zero).not.toContain("paper");
    expect(one).toMatch(/paper 1\.45×.*paper 1\.72×.*paper 2\.15×/);
    expect(one).toContain(`**${report.branches[1]?.speedup["5"]?.toFixed(2)}×**`);
  });

  test("counts operations per sample", () => {
    const cifar = reports.find(({ architecture }) => architecture === "ddpm-cifar10")!;
    expect(cifar.batch).toBe(16);
    expect(readmeTable([cifar])).toContain(`| ${(cifar.full.macs / 16e9).toFixed(2)} G |`);
  });

  test("refuses models that it does not know", () => {
    expect(() => readmeTable([{ ...report, architecture: "other" }])).toThrow('Cannot put "other" into the table');
  });

  test("goes between its markers and nowhere else", () => {
    const page = "a\n<!-- benchmark:begin -->\nold\n<!-- benchmark:end -->\nb\n";
    expect(withTable(page, "new")).toBe("a\n<!-- benchmark:begin -->\nnew\n<!-- benchmark:end -->\nb\n");
    expect(() => withTable("a page", "new")).toThrow("the page lacks <!-- benchmark:begin -->");
  });
});
