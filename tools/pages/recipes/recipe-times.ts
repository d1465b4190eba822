import type { BenchmarkReport } from "../../../src/benchmark/report/report.ts";
import { branchOf, fullEvaluations } from "../../../src/deepcache/policies.ts";
import type { Scenario } from "../../../src/pipelines/run/scenario.ts";
import type { Recipe } from "./recipe.ts";

/** What the U-Net alone takes for a recipe, from the medians of a benchmark of the same architecture. */
export interface RecipeTime {
  /** Of the baseline, or of as many full evaluations where the recipe has none. */
  readonly secondsPerImage: number;
  /** Of all images under all policies. */
  readonly seconds: number;
  /** Whether `seconds` takes evaluations for full ones that were not measured cached: it is then a bound. */
  readonly isBound: boolean;
}

/** How long a recipe takes where `report` was measured. */
export function recipeTime(recipe: Recipe, report: BenchmarkReport): RecipeTime {
  const samples = (recipe.guided ? 2 : 1) / report.batch;
  const full = report.full.seconds * samples;
  const times = recipe.scenarios.map((scenario) => {
    const [evaluations, whole, branch] = planOf(recipe, scenario);
    const measured = report.branches.find((candidate) => candidate.branch === branch);
    const cached = measured === undefined ? full : measured.cached.seconds * samples;
    return {
      seconds: whole * full + (evaluations - whole) * cached,
      isBound: evaluations > whole && measured === undefined,
    };
  });
  return {
    secondsPerImage: recipe.evaluations(recipe.steps) * full,
    seconds: recipe.paper.images * times.reduce((sum, { seconds }) => sum + seconds, 0),
    isBound: times.some(({ isBound }) => isBound),
  };
}

function planOf(
  recipe: Recipe,
  { policy, steps = recipe.steps }: Scenario,
): readonly [evaluations: number, full: number, branch: number | undefined] {
  const evaluations = recipe.evaluations(steps);
  const full = fullEvaluations(policy, evaluations, evaluations - recipe.unplanned);
  return [evaluations, full.length, branchOf(policy)];
}
