import type { LatentDiffusionModel } from "../../systems/latent-diffusion.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { requireNumber, requireWhole } from "../run/requirements.ts";
import { type RunOptions, repeated, type SettledRun, settleRun } from "../run/run-options.ts";

/** The samplers of the original latent diffusion code. */
export const ORIGINAL_SAMPLERS = ["ddim", "plms"] as const;

/** One of them. */
export type ClassConditionalSampler = (typeof ORIGINAL_SAMPLERS)[number];

/** What the original code takes where nobody says. */
export const CLASS_DEFAULTS = { steps: 250, guidanceScale: 1.5, eta: 0, sampler: "ddim" } as const;

/** What a class-conditional run can be asked for; defaults as in the original code. */
export interface ClassConditionalOptions extends RunOptions {
  /** Ids; several make one batch. The model's last id stands for no class. */
  readonly classes: readonly number[];
  /** 1 runs the class alone; any other number, the class against no class (classifier-free guidance). */
  readonly guidanceScale?: number | undefined;
  readonly sampler?: ClassConditionalSampler | undefined;
  /** The noise to start from, [images, channels, height, width]; drawn from the seed where left out. */
  readonly latents?: Tensor | undefined;
}

/** The same with everything decided, and one class for each image. */
export interface SettledClassConditionalOptions extends SettledRun {
  readonly classes: readonly number[];
  readonly guidanceScale: number;
  readonly eta: number;
  readonly sampler: ClassConditionalSampler;
  readonly latents: Tensor | undefined;
}

type Model = Pick<LatentDiffusionModel, "classEmbedding" | "latentShape">;

/** Fills in defaults and refuses what the model cannot do; `randomSeed` is asked where no seed is given. */
export function settleClassConditional(
  options: ClassConditionalOptions,
  { classEmbedding, latentShape }: Model,
  randomSeed: () => number,
): SettledClassConditionalOptions {
  const {
    guidanceScale = CLASS_DEFAULTS.guidanceScale,
    eta = CLASS_DEFAULTS.eta,
    sampler = CLASS_DEFAULTS.sampler,
    latents,
  } = options;
  if (options.classes.length === 0) throw new RangeError("Cannot generate without a class: give at least one");
  const run = settleRun(options, { steps: CLASS_DEFAULTS.steps, rows: options.classes.length, randomSeed });
  requireNumber("guidance scale", guidanceScale);
  if (sampler === "plms" && eta !== 0) {
    throw new RangeError(`Cannot generate with eta ${eta}: PLMS adds no noise, so 0 is required`);
  }
  for (const id of options.classes) requireWhole("class", id, 0, (classEmbedding.shape[0] ?? 1) - 1);
  const classes = repeated(options.classes, options.count);
  const shape = [classes.length, ...latentShape];
  if (latents !== undefined && latents.shape.join() !== shape.join()) {
    throw new RangeError(`Cannot generate from latents [${latents.shape}]: [${shape}] is required`);
  }
  return { ...run, classes, guidanceScale, eta, sampler, latents };
}
