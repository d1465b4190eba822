import { describeUNet, type UNetDescription } from "../../../src/deepcache/describe-unet.ts";
import { branchOf, fullEvaluations } from "../../../src/deepcache/policies.ts";
import { architecture } from "../../../src/models/architectures.ts";
import type { Scenario } from "../../../src/pipelines/run/scenario.ts";
import { published, type Recipe } from "./recipe.ts";

/** Multiply-adds of one row per step of the baseline, one sample, counted in three ways. */
export interface RowMacs {
  readonly policy: string;
  /** As printed, in 10⁹. */
  readonly paper: number;
  /** By the rules of the paper's counter: biases and norms in, attention's products out. */
  readonly reference: number;
  /** As counted here, attention's products in. */
  readonly cut: number;
  /** What is left once nothing is computed twice that does not change. */
  readonly hoisted: number;
}

/** Describes built-in architectures, each of them once. */
export function unetDescriber(): (name: string) => UNetDescription {
  const known = new Map<string, UNetDescription>();
  return (name) => {
    const { unet, contextLength } = architecture(name);
    const found = known.get(name) ?? describeUNet(unet, { contextLength }, name);
    known.set(name, found);
    return found;
  };
}

/** The rows of a recipe for which the paper prints MACs. */
export function recipeMacs(recipe: Recipe, describe: (name: string) => UNetDescription): RowMacs[] {
  return recipe.scenarios.flatMap((scenario) => {
    const paper = published(recipe.paper, scenario.name, "macs");
    return paper === undefined ? [] : [rowMacs(recipe, scenario, describe(recipe.paper.architecture), paper)];
  });
}

function rowMacs(recipe: Recipe, scenario: Scenario, unet: UNetDescription, paper: number): RowMacs {
  const { policy, steps = recipe.steps } = scenario;
  const full = fullEvaluations(policy, steps).length;
  const cutAt = branchOf(policy);
  const branch = cutAt === undefined ? undefined : unet.branches[cutAt];
  // The paper averages over the steps asked for; the extra evaluation of PLMS is in no average.
  const average = (whole: number, cached = whole): number => (full * whole + (steps - full) * cached) / recipe.steps;
  const { prelude } = unet.macs;
  return {
    policy: scenario.name,
    paper,
    reference: average(unet.macs.reference, branch?.reference),
    cut: average(unet.macs.full, branch?.cached),
    hoisted: average(unet.macs.full - prelude, branch?.hoisted) + prelude / recipe.steps,
  };
}
