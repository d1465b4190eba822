import { markdownTable } from "../../../src/benchmark/report/markdown.ts";
import type { BenchmarkReport } from "../../../src/benchmark/report/report.ts";
import type { UNetDescription } from "../../../src/deepcache/describe-unet.ts";
import { COLUMNS, type Column, type PaperTable, published, type Recipe } from "./recipe.ts";
import { recipeMacs } from "./recipe-macs.ts";
import { recipeTime } from "./recipe-times.ts";

/** A section for each recipe: the command, the paper's numbers and what to know about them. */
export function recipeSections(recipes: readonly Recipe[]): string {
  return recipes.map(section).join("\n\n");
}

function section({ name, paper }: Recipe): string {
  const { table, title, images, notes } = paper;
  return [
    `### Table ${table}: ${title}`,
    "",
    "```sh",
    `npm run reproduce -- ${name}`,
    "```",
    "",
    `${images} images per row; settings: [${name}.json](../examples/reproduce/${name}.json).`,
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => `- ${note}`)]),
    ...(paper.columns.length === 0 ? [] : ["", paperTable(paper)]),
  ].join("\n");
}

function paperTable(paper: PaperTable): string {
  const { columns, rows } = paper;
  const digits = new Map(columns.map((column) => [column, decimalsOf(paper, column)]));
  const body = Object.keys(rows).map((policy) => [
    `\`${policy}\``,
    ...columns.map((column) => published(paper, policy, column)?.toFixed(digits.get(column)) ?? ""),
  ]);
  return markdownTable([["the paper's numbers", ...columns.map((column) => COLUMNS[column].label)], ...body]);
}

/** As many decimals as the longest number of a column has. */
const decimalsOf = (paper: PaperTable, column: Column): number =>
  Math.max(
    0,
    ...Object.keys(paper.rows).map(
      (policy) => String(published(paper, policy, column) ?? "").split(".")[1]?.length ?? 0,
    ),
  );

/** The MACs of every row that the paper prints some for, beside what is counted here; equal rows stand once. */
export function macTable(recipes: readonly Recipe[], describe: (name: string) => UNetDescription): string {
  const rows = recipes.flatMap((recipe) =>
    recipeMacs(recipe, describe).map(({ policy, paper, reference, cut, hoisted }) => [
      recipe.paper.architecture,
      recipe.paper.table,
      `\`${policy}\``,
      String(paper),
      giga(reference),
      agreement(paper, reference),
      giga(cut),
      giga(hoisted),
    ]),
  );
  const once = rows.filter((row, i) => rows.findIndex((other) => other.join() === row.join()) === i);
  const headings = ["U-Net", "table", "policy", "paper", "by its rules", "agrees", "cut", "hoisted"];
  return markdownTable([headings, ...once]);
}

const giga = (macs: number): string => (macs / 1e9).toFixed(2);

/** Whether a count, rounded to the digits that are printed, is what is printed, or how far it is away. */
function agreement(paper: number, macs: number): string {
  const unit = 10 ** -(String(paper).split(".")[1]?.length ?? 0);
  const away = Math.abs(macs / 1e9 - paper);
  if (away <= unit / 2) return "yes";
  return away <= unit
    ? "to one in the last digit"
    : `${macs / 1e9 > paper ? "+" : "−"}${((100 * away) / paper).toFixed(1)} %`;
}

/** What each recipe takes where the benchmarks were measured. */
export function timeTable(recipes: readonly Recipe[], reports: readonly BenchmarkReport[]): string {
  const rows = recipes.map((recipe) => {
    const report = reports.find(({ architecture }) => architecture === recipe.paper.architecture);
    const images = [`\`${recipe.name}\``, String(recipe.scenarios.length), String(recipe.paper.images)];
    if (report === undefined) return [...images, "not measured", "not measured"];
    const { secondsPerImage, seconds, isBound } = recipeTime(recipe, report);
    return [...images, secondsPerImage.toFixed(1), `${isBound ? "at most " : ""}${days(seconds)}`];
  });
  const [{ machine } = { machine: undefined }] = reports;
  const where =
    machine === undefined ? "" : `\n\nMeasured on ${machine.cpu}, ${machine.cores} cores, ${machine.runtime}.`;
  return `${markdownTable([["recipe", "policies", "images", "s/image, uncached", "days in all"], ...rows])}${where}`;
}

const days = (seconds: number): string => {
  const value = seconds / 86_400;
  return value.toFixed(value < 10 ? 1 : 0);
};

/** What of a finished evaluation is compared with the paper. */
export interface Measured {
  readonly images: number;
  readonly policies: readonly {
    readonly name: string;
    readonly measures: Readonly<Record<string, { readonly mean: number } | undefined>>;
  }[];
}

/** A finished evaluation beside the paper's metrics; metrics that were not measured are left out. */
export function comparisonTable({ paper }: Recipe, { policies }: Measured): string[][] {
  const measured = (column: Column, policy: Measured["policies"][number]): number | undefined => {
    const mean = policy.measures[column]?.mean;
    return mean !== undefined && "percent" in COLUMNS[column] ? 100 * mean : mean;
  };
  const columns = paper.columns.filter((column) => policies.some((policy) => measured(column, policy) !== undefined));
  const headings = ["policy", ...columns.flatMap((column) => [`${COLUMNS[column].label}`, "paper"])];
  const rows = policies.map((policy) => [
    policy.name,
    ...columns.flatMap((column) => [
      measured(column, policy)?.toFixed(2) ?? "",
      published(paper, policy.name, column)?.toFixed(2) ?? "",
    ]),
  ]);
  return [headings, ...rows];
}
