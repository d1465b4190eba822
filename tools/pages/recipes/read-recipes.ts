import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type PaperTable, type Recipe, recipe } from "./recipe.ts";

/** Where recipes lie, seen from the repository's root. */
export const RECIPES = "examples/reproduce";

/** All recipes, in the order in which paper.json lists their tables. */
export function readRecipes(root: string): readonly Recipe[] {
  const json = (name: string) => JSON.parse(readFileSync(join(root, RECIPES, `${name}.json`), "utf8"));
  const paper: Readonly<Record<string, PaperTable>> = json("paper");
  return Object.entries(paper).map(([name, table]) => recipe(name, json(name), table));
}
