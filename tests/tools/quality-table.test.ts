import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import { costTable, headline } from "../../tools/pages/cost-table.ts";
import { excerpt } from "../../tools/pages/findings/excerpt.ts";
import { findingsPlots, renewFindings, speedupsOf } from "../../tools/pages/findings/page.ts";
import { readMarked } from "../../tools/pages/marked.ts";
import { type MeasuredTimes, qualityTable } from "../../tools/pages/quality-table.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const summaryIn = (folder: string) => JSON.parse(read(`evaluations/${folder}/summary.json`)) as Summary;
const [shallow, summary] = [summaryIn("fluent-scenes"), summaryIn("fluent-scenes-branches")];
const FOLDERS = ["fluent-scenes", "fluent-scenes-branches", "fluent-scenes-schedules", "fluent-scenes-forecasts"];

test("README and the page on evaluation show the committed evaluation", () => {
  const times = JSON.parse(read("evaluations/fluent-scenes/times.json")) as MeasuredTimes;
  expect(readMarked(read("docs/evaluation.md"), "quality")).toBe(qualityTable(excerpt(shallow), times));
  expect(readMarked(read("README.md"), "cost")).toBe(costTable(shallow, times));
  expect(readMarked(read("README.md"), "headline")).toBe(headline(shallow, times));
});

test("README's table has a row for each interval of the caches at branch 0, and is refused without their times", () => {
  const times = JSON.parse(read("evaluations/fluent-scenes/times.json")) as MeasuredTimes;
  const rows = costTable(shallow, times)
    .split("\n")
    .filter((line) => line.startsWith("| `cache"));
  expect(rows.map((row) => row.split(" | ")[0])).toEqual([2, 3, 5, 10].map((interval) => `| \`cache: ${interval}\``));
  expect(() => costTable(shallow, { ...times, policies: [] })).toThrow('"uniform:2:0" costs: it has no times');
});

test("the findings are those of the committed evaluation and benchmark", () => {
  const page = read("docs/findings.md");
  const speedups = speedupsOf(JSON.parse(read("benchmarks/results/fluent-scenes.json")));
  const forecasts = summaryIn("fluent-scenes-forecasts");
  const forecastTimes = JSON.parse(read("evaluations/fluent-scenes-forecasts/times.json")) as MeasuredTimes;
  expect(renewFindings(page, { summary, shallow, forecasts, forecastTimes, speedups })).toBe(page);
  for (const [name, drawing] of Object.entries(findingsPlots(summary))) {
    expect(read(`docs/images/${name}`) === drawing, `docs/images/${name} is not the plot of the results`).toBe(true);
    expect(page).toContain(`images/${name}`);
  }
});

test("what the page makes of the findings rests on them", () => {
  const page = read("docs/findings.md");
  const [holds, fails] = [readMarked(page, "holds"), readMarked(page, "fails")];
  expect(holds).toContain("a cache at branch 0 beats fewer steps of PNDM");
  expect(fails).toContain("a cache at branch 0 beats fewer steps of DDIM");
  expect(fails).toContain("a copied feature beats fewer steps of the same sampler");
  expect(holds).toContain("a forecast feature beats fewer steps of the same sampler");
  expect(holds).toContain("a tuned profile beats the best run without a cache of any sampler");
  const right = (name: string) => summary.policies.find((policy) => policy.name === name)?.measures.accuracy?.mean;
  expect(right("steps:19")).toBeLessThan(0.8);
  expect(right("ddim:20")).toBe(1);
});

test.each(FOLDERS)("the results in %s are those of its plan", (folder) => {
  const plan = JSON.parse(read(`evaluations/${folder}/plan.json`));
  const settings = JSON.parse(read(`evaluations/${folder}/settings.json`));
  const { images, policies } = summaryIn(folder);
  // Of a profile, results name the file without its folder.
  const named = (plan.policies as string[]).map((name) => name.replace(/^profile:.*\//, "profile:"));
  expect(settings.policies.map(({ name }: { name: string }) => name)).toEqual(named);
  expect(policies.map(({ name }) => name)).toEqual(named);
  const { count, batch, metrics, seed, options } = settings;
  expect({ count, batch, metrics, seed }).toEqual({ seed: 0, ...only(plan, ["count", "batch", "metrics", "seed"]) });
  expect(options).toMatchObject({ guidanceScale: plan["guidance-scale"], ...only(plan, ["sampler", "steps"]) });
  expect(images).toBe(plan.count);
});

const only = (object: Readonly<Record<string, unknown>>, names: readonly string[]) =>
  Object.fromEntries(names.flatMap((name) => (name in object ? [[name, object[name]]] : [])));

test("the non-uniform schedules beside the paper's are those that came nearest on other seeds", () => {
  const others = summaryIn("fluent-scenes-schedules").policies;
  for (const interval of [2, 3, 5, 10]) {
    const nonUniform = others.filter(({ cache }) => cache.kind === "centered" && cache.interval === interval);
    const [best] = nonUniform.sort((a, b) => (b.measures.psnr?.mean ?? 0) - (a.measures.psnr?.mean ?? 0));
    expect(summary.policies.map(({ name }) => name)).toContain(best?.name);
  }
});

test("every cache of the committed evaluations is compared with every sampler at about its own cost", () => {
  for (const { name, cache, equalCompute } of [...summary.policies, ...shallow.policies]) {
    if (cache.kind === "off") continue;
    expect(equalCompute.length, name).toBe(cache.kind === "uniform" ? 3 : 4);
    for (const { macsRatio } of equalCompute) {
      expect(macsRatio, name).toBeLessThanOrEqual(1.05);
      expect(macsRatio, name).toBeGreaterThan(0.9);
    }
  }
});
