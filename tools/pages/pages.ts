import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchmarkReport } from "../../src/benchmark/report/report.ts";
import type { Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import { openServer } from "../../src/server/server.ts";
import { againstPytorchTables } from "./against-pytorch.ts";
import { benchmarkTable } from "./benchmark-table.ts";
import { costTable, headline } from "./cost-table.ts";
import { deepcacheSections } from "./deepcache-page.ts";
import { defaultsTable } from "./defaults-table.ts";
import { exampleBlocks } from "./examples.ts";
import { excerpt } from "./findings/excerpt.ts";
import { findingsPlots, renewFindings, speedupsOf } from "./findings/page.ts";
import { type Layer, layerTable, permissionTable } from "./layer-tables.ts";
import { limitsTables } from "./limits-table.ts";
import { replaceMarked } from "./marked.ts";
import { type MeasuredPrecisions, precisionTables } from "./precision-table.ts";
import { presetTable } from "./preset-table.ts";
import { type MeasuredTimes, qualityTable } from "./quality-table.ts";
import { readRecipes } from "./recipes/read-recipes.ts";
import { unetDescriber } from "./recipes/recipe-macs.ts";
import { macTable, recipeSections, timeTable } from "./recipes/recipe-page.ts";
import { rooflineTable } from "./roofline-table.ts";
import { sizingTable } from "./sizing-table.ts";

/** Every page and drawing with something that a program wrote, renewed from the results in `root`, by its path there. */
export function renewedPages(root: string): ReadonlyMap<string, string> {
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  const json = (path: string) => JSON.parse(read(path));
  const reportsIn = (folder: string) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => json(`${folder}/${name}`));
  const precisionsIn = (folder: string): readonly MeasuredPrecisions[] =>
    existsSync(join(root, folder)) ? reportsIn(folder) : [];
  const summaryIn = (folder: string): Summary => json(`evaluations/${folder}/summary.json`);

  const benchmarks: readonly BenchmarkReport[] = reportsIn("benchmarks/results");
  const shallow = summaryIn("fluent-scenes");
  const summary = summaryIn("fluent-scenes-branches");
  const forecasts = summaryIn("fluent-scenes-forecasts");
  const speedups = speedupsOf(json("benchmarks/results/fluent-scenes.json"));
  const recipes = readRecipes(root);
  const times: MeasuredTimes = json("evaluations/fluent-scenes/times.json");
  const forecastTimes: MeasuredTimes = json("evaluations/fluent-scenes-forecasts/times.json");

  const renewed = (path: string, blocks: Readonly<Record<string, string>>): readonly [string, string] => [
    path,
    Object.entries(blocks).reduce((page, [mark, content]) => replaceMarked(page, mark, content), read(path)),
  ];
  const examplesOf = (path: string) => exampleBlocks(read(path), (name) => read(`examples/${name}.mjs`));
  const layers: readonly Layer[] = json("docs/layers.json");
  return new Map([
    renewed("AGENTS.md", { layers: permissionTable(layers) }),
    renewed("docs/architecture.md", { layers: layerTable(layers) }),
    renewed("README.md", {
      headline: headline(shallow, times),
      presets: presetTable(forecasts, forecastTimes),
      cost: costTable(shallow, times),
    }),
    renewed("docs/deepcache.md", deepcacheSections()),
    renewed("docs/evaluation.md", { quality: qualityTable(excerpt(shallow), times) }),
    renewed("docs/performance.md", {
      benchmark: benchmarkTable(benchmarks),
      roofline: rooflineTable(benchmarks),
      "against-pytorch": againstPytorchTables(reportsIn("benchmarks/against-pytorch")),
      precisions: precisionTables(precisionsIn("benchmarks/precisions")),
    }),
    renewed("docs/reproduce.md", {
      recipes: recipeSections(recipes),
      macs: macTable(recipes, unetDescriber()),
      times: timeTable(recipes, benchmarks),
    }),
    renewed("docs/models.md", { defaults: defaultsTable(), ...examplesOf("docs/models.md") }),
    renewed("docs/limits.md", { limits: limitsTables() }),
    renewed("docs/library.md", examplesOf("docs/library.md")),
    renewed("docs/server.md", { sizing: sizingTable(benchmarks), ...examplesOf("docs/server.md") }),
    renewed(
      "docs/browser.md",
      exampleBlocks(read("docs/browser.md"), (name) => read(`examples/${name}/main.js`)),
    ),
    ["docs/openapi.json", `${JSON.stringify(openServer({ default: "model" }, {}).openApi(), null, 2)}\n`],
    [
      "docs/findings.md",
      renewFindings(read("docs/findings.md"), { summary, shallow, forecasts, forecastTimes, speedups }),
    ],
    ...Object.entries(findingsPlots(summary)).map(([name, drawing]) => [`docs/images/${name}`, drawing] as const),
  ]);
}
