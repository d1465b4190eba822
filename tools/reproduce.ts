// Makes a table of the paper again and prints it beside the paper's numbers:
//   npm run reproduce -- table-2-cifar10 [FLAGS OF deepcache eval]
// Without a name it lists the recipes.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { table } from "../src/cli/terminal/units.ts";
import { RECIPES, readRecipes } from "./pages/recipes/read-recipes.ts";
import type { Recipe } from "./pages/recipes/recipe.ts";
import { comparisonTable } from "./pages/recipes/recipe-page.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const [name, ...flags] = process.argv.slice(2);
const recipes = readRecipes(ROOT);
const chosen = recipes.find((recipe) => recipe.name === name);
if (chosen !== undefined) process.exitCode = run(chosen, flags);
else if (name === undefined) for (const recipe of recipes) console.log(`${recipe.name}  ${recipe.paper.title}`);
else {
  console.error(`Cannot find the recipe "${name}": it is none of ${recipes.map((recipe) => recipe.name).join(", ")}`);
  process.exitCode = 2;
}

function run(recipe: Recipe, given: readonly string[]): number {
  const place = given.findIndex((flag) => flag === "--output" || flag === "-o");
  const output = given[place + 1] !== undefined && place >= 0 ? given[place + 1]! : `reproduction/${recipe.name}`;
  const settings = join(ROOT, RECIPES, `${recipe.name}.json`);
  const main = [join(ROOT, "dist/cli/main.js"), "eval", "--settings", settings, "--output", output];
  const { status } = spawnSync(process.execPath, [...main, ...given], { stdio: "inherit" });
  const summary = join(output, "summary.json");
  if (status === 0 && existsSync(summary)) {
    const rows = comparisonTable(recipe, JSON.parse(readFileSync(summary, "utf8")));
    const isCompared = (rows[0]?.length ?? 0) > 1; // not where the metrics are others than the paper's
    if (isCompared) console.log(`\n${table(rows)}`);
  }
  return status ?? 1;
}
