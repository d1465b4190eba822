// Makes a table of the paper again and prints it beside the paper's numbers:
//   npm run reproduce -- table-2-cifar10 [FLAGS OF deepcache eval]
// Without a name it lists the recipes; `npm run reproduce:page` writes docs/reproduce.md anew from them.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recipe } from "../dist/benchmark/recipes/recipe.js";
import { unetDescriber } from "../dist/benchmark/recipes/recipe-macs.js";
import { comparisonTable, macTable, recipeSections, timeTable } from "../dist/benchmark/recipes/recipe-page.js";
import { table } from "../dist/cli/units.js";
import { replaceMarked } from "../dist/evaluation/report/marked.js";

const FOLDER = "examples/reproduce";
const PAGE = "docs/reproduce.md";
const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const paper = json(join(FOLDER, "paper.json"));
const open = (name) => recipe(name, json(join(FOLDER, `${name}.json`)), paper[name]);

const [name, ...flags] = process.argv.slice(2);
if (name === undefined) {
  for (const known of Object.keys(paper)) console.log(`${known}  ${paper[known].title}`);
} else if (name === "--page") {
  writePage();
} else {
  process.exitCode = run(name, flags);
}

function run(name, flags) {
  if (!Object.hasOwn(paper, name)) {
    console.error(`Cannot find the recipe "${name}": it is none of ${Object.keys(paper).join(", ")}`);
    return 2;
  }
  const given = flags.findIndex((flag) => flag === "--output" || flag === "-o");
  const output = given < 0 ? `reproduction/${name}` : flags[given + 1];
  const main = ["dist/cli/main.js", "eval", "--settings", join(FOLDER, `${name}.json`), "--output", output];
  const { status } = spawnSync(process.execPath, [...main, ...flags], { stdio: "inherit" });
  const summary = join(output, "summary.json");
  if (status === 0 && existsSync(summary)) {
    const rows = comparisonTable(open(name), json(summary));
    const isCompared = rows[0].length > 1; // not where the metrics are others than the paper's
    if (isCompared) console.log(`\n${table(rows)}`);
  }
  return status ?? 1;
}

function writePage() {
  const recipes = Object.keys(paper).map(open);
  const results = readdirSync("benchmarks/results").filter((file) => file.endsWith(".json"));
  const reports = results.map((file) => json(join("benchmarks/results", file)));
  const blocks = {
    recipes: recipeSections(recipes),
    macs: macTable(recipes, unetDescriber()),
    times: timeTable(recipes, reports),
  };
  const page = Object.entries(blocks).reduce(
    (text, [mark, content]) => replaceMarked(text, mark, content),
    readFileSync(PAGE, "utf8"),
  );
  writeFileSync(PAGE, page);
}
