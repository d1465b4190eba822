import { linearCombination, type Term } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { combined, type LevelOfSigma, lambdaOf, type SolverAlgorithm, solverWeights } from "./dpm-solver.ts";

interface Config {
  readonly algorithm_type: SolverAlgorithm;
  readonly solver_type: "midpoint" | "heun";
  readonly solver_order: number;
  readonly lower_order_final: boolean;
  readonly euler_at_final: boolean;
  readonly final_sigmas_type: "zero" | "sigma_min";
}

interface MultistepState {
  readonly sample: Tensor;
  /** Newest first; cut to the order of the step. */
  readonly values: Tensor[];
  /** Drawn for the step, by stochastic variants. */
  readonly noise: Tensor | undefined;
}

/** A step of multistep DPM-Solver from the sigma at `index` to the next (Lu et al. 2022, algorithm 2). */
export function multistepUpdate(
  config: Config,
  sigmas: readonly number[],
  index: number,
  { sample, values, noise }: MultistepState,
  levelOf?: LevelOfSigma,
): Tensor {
  values.length = Math.min(values.length, config.solver_order, highestOrder(config, sigmas.length - 1, index));
  const { sampleWeight, valueWeights, noiseWeight } = multistepWeights(config, sigmas, index, values.length, levelOf);
  const terms = values.map((value, k): Term => [entry(valueWeights, k), value]);
  if (noise !== undefined) terms.push([noiseWeight, noise]);
  return linearCombination([sampleWeight, sample], ...terms);
}

/** The order that the last two steps may have. */
export function highestOrder(config: Config, steps: number, index: number): number {
  const few = config.lower_order_final && steps < 15;
  if (index === steps - 1 && (few || config.euler_at_final || config.final_sigmas_type === "zero")) return 1;
  return index === steps - 2 && few ? 2 : 3;
}

function multistepWeights(
  config: Config,
  sigmas: readonly number[],
  index: number,
  order: number,
  levelOf?: LevelOfSigma,
) {
  const [from, to] = [entry(sigmas, index), entry(sigmas, index + 1)];
  const weights = solverWeights(config.algorithm_type, from, to, levelOf);
  const value = [weights.value, [1]] as const;
  const common = { sampleWeight: weights.sample, noiseWeight: weights.noise };
  if (order === 1) return { ...common, valueWeights: combined(value) };
  const h = lambdaOf(to) - lambdaOf(from);
  const ratio = (lambdaOf(from) - lambdaOf(entry(sigmas, index - 1))) / h;
  const newest = [1 / ratio, -1 / ratio];
  if (order === 2) {
    const slope = config.solver_type === "midpoint" ? weights.midpoint : weights.slope;
    return { ...common, valueWeights: combined(value, [slope, newest]) };
  }
  const olderRatio = (lambdaOf(entry(sigmas, index - 1)) - lambdaOf(entry(sigmas, index - 2))) / h;
  const older = [0, 1 / olderRatio, -1 / olderRatio];
  const change = combined([1, newest], [-1, older]);
  const slope = combined([1, newest], [ratio / (ratio + olderRatio), change]);
  const curvature = combined([1 / (ratio + olderRatio), change]);
  return { ...common, valueWeights: combined(value, [weights.slope, slope], [weights.curvature, curvature]) };
}
