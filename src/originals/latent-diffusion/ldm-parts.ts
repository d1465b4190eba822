import { quote } from "../../checkpoint/bytes/limits.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import type { Weight, Weights } from "../../checkpoint/weights.ts";

/** The parts of an original latent diffusion checkpoint, each under the names that its own code gives them. */
export interface LatentDiffusionParts {
  readonly unet: Weights;
  readonly firstStage: Weights;
  readonly condition: Weights;
  /** Whether the U-Net's weights are the moving averages that training kept. */
  readonly averaged: boolean;
}

/** What the names of each part begin with. */
export const PART_PREFIXES = {
  unet: "model.diffusion_model.",
  firstStage: "first_stage_model.",
  condition: "cond_stage_model.",
};
const AVERAGES = "model_ema.";

/** What training left in the file and sampling computes anew or does not need. */
const IGNORED: readonly RegExp[] = [
  /^(betas|(sqrt_)?alphas_cumprod(_prev)?|(sqrt|log)_one_minus_alphas_cumprod|sqrt_recip(m1)?_alphas_cumprod)$/,
  /^(posterior_variance|posterior_log_variance_clipped|posterior_mean_coef[12]|lvlb_weights|logvar|scale_factor)$/,
  /^first_stage_model\.(loss|model_ema)\./,
  /^model_ema\.(decay|num_updates)$/,
];

/** Tells the parts of a checkpoint apart; of the U-Net, averaged weights are taken where the file holds them, unless `ema` is false. */
export function latentDiffusionParts(weights: Weights, path: string, ema = true): LatentDiffusionParts {
  const kept = [...weights].filter(([key]) => !IGNORED.some((pattern) => pattern.test(key)));
  const below = (prefix: string): Weights =>
    new Map(kept.flatMap(([key, weight]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), weight]] : [])));
  const raw = below(PART_PREFIXES.unet);
  const averages = below(AVERAGES);
  const averageNames = new Set([...raw.keys()].map(averageName));
  const isKnown = (key: string): boolean =>
    Object.values(PART_PREFIXES).some((prefix) => key.startsWith(prefix)) ||
    (key.startsWith(AVERAGES) && averageNames.has(key.slice(AVERAGES.length)));
  const unknown = kept.map(([key]) => key).filter((key) => !isKnown(key));
  if (unknown.length > 0) {
    throw new CheckpointError(`Cannot use "${path}" as a latent diffusion model: it has no use for ${list(unknown)}`);
  }
  const averaged = ema && averages.size > 0;
  const missing = [...averageNames].filter((name) => averaged && !averages.has(name)).map((name) => AVERAGES + name);
  if (missing.length > 0) {
    throw new CheckpointError(`Cannot use the averaged weights of "${path}": it lacks ${list(missing)}`);
  }
  const chosen = [...raw].map(([key, weight]): [string, Weight] => [
    key,
    (averaged ? averages.get(averageName(key)) : undefined) ?? weight,
  ]);
  return {
    unet: new Map(chosen),
    firstStage: below(PART_PREFIXES.firstStage),
    condition: below(PART_PREFIXES.condition),
    averaged,
  };
}

/** Training names an average after the weight, without the dots. */
const averageName = (key: string): string => `diffusion_model.${key}`.replaceAll(".", "");

const MOST_LISTED = 8;

function list(keys: readonly string[]): string {
  const more = keys.length > MOST_LISTED ? ` and ${keys.length - MOST_LISTED} more` : "";
  return keys.slice(0, MOST_LISTED).map(quote).join(", ") + more;
}
