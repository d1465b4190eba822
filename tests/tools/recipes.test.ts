import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import type { BenchmarkReport } from "../../src/benchmark/report/report.ts";
import { isMeasureName, measureNamed, type Need } from "../../src/evaluation/measures.ts";
import { readMarked } from "../../tools/pages/marked.ts";
import { type PaperTable, published, type Recipe, recipe } from "../../tools/pages/recipes/recipe.ts";
import { recipeMacs, unetDescriber } from "../../tools/pages/recipes/recipe-macs.ts";
import { comparisonTable, macTable, recipeSections, timeTable } from "../../tools/pages/recipes/recipe-page.ts";
import { recipeTime } from "../../tools/pages/recipes/recipe-times.ts";

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const json = (path: string): unknown => JSON.parse(text(path));
const jsonFiles = (folder: string): string[] =>
  readdirSync(new URL(`../../${folder}`, import.meta.url)).filter((file) => file.endsWith(".json"));

const FOLDER = "examples/reproduce";
const paper = json(`${FOLDER}/paper.json`) as Readonly<Record<string, PaperTable>>;
const recipes = Object.entries(paper).map(([name, table]) => recipe(name, json(`${FOLDER}/${name}.json`), table));
const reports = jsonFiles("benchmarks/results").map((file) => json(`benchmarks/results/${file}`) as BenchmarkReport);
const describeNetwork = unetDescriber();
const named = (name: string): Recipe => {
  const found = recipes.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`No recipe ${name}`);
  return found;
};

test("every settings file has its table, and every table its settings file", () => {
  const files = jsonFiles(FOLDER).map((file) => basename(file, ".json"));
  expect(files.filter((name) => name !== "paper").sort()).toEqual(Object.keys(paper).sort());
});

test.each(recipes)("$name asks for metrics that there are, and gives what they need", ({ name }) => {
  const { metrics, ...settings } = json(`${FOLDER}/${name}.json`) as Readonly<Record<string, unknown>>;
  const names = (metrics as readonly string[]).filter(isMeasureName);
  expect(names).toEqual(metrics);
  for (const need of names.flatMap((metric): readonly Need[] => measureNamed(metric).needs)) {
    expect(settings).toHaveProperty(need === "referenceImages" ? "reference" : need);
  }
});

test.each(recipes)("$name makes as many images as the paper and measures what it has columns of", ({ name, paper }) => {
  const { count = paper.images, metrics } = json(`${FOLDER}/${name}.json`) as { count?: number; metrics: string[] };
  expect(count).toBe(paper.images);
  const costs = ["macs", "throughput", "speedup"];
  expect(metrics).toEqual(expect.arrayContaining(paper.columns.filter((column) => !costs.includes(column))));
});

describe("docs/reproduce.md", () => {
  const page = text("docs/reproduce.md");
  test("says what the recipes say", () => {
    expect(readMarked(page, "recipes")).toBe(recipeSections(recipes));
  });
  test("has the operations that are counted", () => {
    expect(readMarked(page, "macs")).toBe(macTable(recipes, describeNetwork));
  });
  test("has the times of the committed benchmarks", () => {
    expect(readMarked(page, "times")).toBe(timeTable(recipes, reports));
  });
});

test("the paper's operations come out by its rules, but where the page says that they do not", () => {
  const away = recipes.flatMap((recipe) =>
    recipeMacs(recipe, describeNetwork).flatMap(({ policy, paper: printed, reference }) => {
      const unit = 10 ** -(String(printed).split(".")[1]?.length ?? 0);
      return Math.abs(reference / 1e9 - printed) > unit ? [`${recipe.name} ${policy}`] : [];
    }),
  );
  expect(away).toEqual([
    ...["table-12 uniform:5:5", "table-12 uniform:5:6", "table-12 uniform:5:7", "table-12 uniform:5:8"],
    ...["table-3-parti centered:5:10:1.5:1", "table-3-coco centered:5:15:1.3:1"],
  ]);
});

test("of the operations of Table 3's N = 5, none but those of N = 4 are near", () => {
  const { full, skips } = { full: describeNetwork("stable-diffusion-v1-5"), skips: 12 };
  const averages = Array.from({ length: skips }, (_, branch) => {
    const cached = full.branches[branch]?.reference ?? 0;
    return [4, 5].map((interval) => {
      const whole = Math.ceil(50 / interval);
      return (whole * full.macs.reference + (50 - whole) * cached) / 50e9;
    });
  });
  expect(averages[1]?.map((average) => average.toFixed(2))).toEqual(["130.52", "113.63"]);
  expect(averages.some(([, five = 0]) => Math.abs(five - 130.45) < 1)).toBe(false);
});

describe("recipeTime", () => {
  const report = {
    architecture: "stable-diffusion-v1-5",
    batch: 1,
    full: { seconds: 2 },
    branches: [{ branch: 1, cached: { seconds: 0.5 } }],
  } as unknown as BenchmarkReport;
  const made = (policies: readonly string[], more: object = {}): Recipe => {
    const rows = Object.fromEntries(policies.map((policy) => [policy, []]));
    const settings = { policies, steps: 10, sampler: "pndm", "guidance-scale": 7.5, ...more };
    return recipe("own", settings, { ...named("table-3-parti").paper, images: 3, columns: [], rows });
  };

  test("counts both halves of guidance and PLMS's evaluation more", () => {
    expect(recipeTime(made(["off"]), report)).toEqual({ secondsPerImage: 44, seconds: 132, isBound: false });
    const cached = 2 * (2 * 2 + 9 * 0.5);
    expect(recipeTime(made(["uniform:5:1"]), report).seconds).toBe(3 * cached);
    const alone = recipeTime(made(["off", "steps:5"], { sampler: "ddim", "guidance-scale": 1 }), report);
    expect(alone.seconds).toBe(3 * 2 * 15);
  });

  test("takes cached evaluations that were not measured for full ones, and says so", () => {
    expect(recipeTime(made(["uniform:5:2"]), report)).toMatchObject({ seconds: 132, isBound: true });
  });

  test("counts the evaluations that a whole stride makes", () => {
    expect(named("table-4").evaluations(59)).toBe(63);
    expect(named("table-4").evaluations(91)).toBe(100);
    expect(named("table-2-cifar10").evaluations(59)).toBe(59);
  });
});

test("comparisonTable sets what was measured beside the paper's numbers", () => {
  const measures = { fid: { mean: 3.5 }, precision: { mean: 0.8 }, psnr: { mean: 20 } };
  const policies = [
    { name: "uniform:2:0", measures },
    { name: "uniform:7:0", measures: {} },
  ];
  expect(comparisonTable(named("table-1"), { images: 9, policies })).toEqual([
    ["policy", "FID", "paper", "precision (%)", "paper"],
    ["uniform:2:0", "3.50", "3.39", "80.00", "82.75"],
    ["uniform:7:0", "", "", "", ""],
  ]);
});

test("published() knows what the paper leaves out", () => {
  expect(published(named("table-1").paper, "off", "fid")).toBe(3.37);
  expect(published(named("table-1").paper, "off", "clip")).toBeUndefined();
  expect(published(named("table-3-parti").paper, "uniform:5:1", "clip")).toBeUndefined();
});

test.each([
  [[], named("table-1").paper, "its settings are no JSON object"],
  [{}, undefined, "there are no numbers of the paper under this name"],
  [{ policies: ["off"] }, named("table-1").paper, "it lacks policies or steps"],
  [{ policies: ["off"], steps: 9 }, named("table-1").paper, "its policies are off, the paper's rows off, uniform:2:0"],
  [
    { policies: ["off"], steps: 9 },
    { ...named("table-1").paper, columns: ["fid"] as const, rows: { off: [1, 2] } },
    "row off has more than 1 numbers",
  ],
])("recipe() refuses settings and tables that do not fit: %#", (settings, table, message) => {
  expect(() => recipe("own", settings, table)).toThrow(`Cannot use the recipe "own": ${message}`);
});
