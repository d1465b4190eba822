import type { CachePolicy } from "../../deepcache/policy.ts";
import type { LatentDiffusionModel } from "../../systems/latent-diffusion.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { requireRange, requireWhole } from "../run/requirements.ts";
import { checkSeed, type Seed } from "../run/seeded-noise.ts";

/** The samplers of the original latent diffusion code. */
export type ClassConditionalSampler = "ddim" | "plms";

/** What a class-conditional run can be asked for; defaults as in the original code. */
export interface ClassConditionalOptions {
  /** Ids; several make one batch. The model's last id stands for no class. */
  readonly classes: readonly number[];
  /** Images per class, in one batch. */
  readonly count?: number | undefined;
  readonly steps?: number | undefined;
  /** 1 and less run the class alone; above, the class against no class (classifier-free guidance). */
  readonly guidanceScale?: number | undefined;
  /** Noise added on the way (DDIM): 0 none, 1 as much as DDPM. */
  readonly eta?: number | undefined;
  /** Whole number from 0, or one for each image; the same seed gives the noise that the original code draws on a CPU. */
  readonly seed?: Seed | undefined;
  readonly sampler?: ClassConditionalSampler | undefined;
  readonly cache?: CachePolicy | undefined;
  /**
   * Cut the network at this branch even where nothing is cached, so that runs with and without a cache share what is
   * loaded; such a run equals an uncut one within float32 rounding.
   */
  readonly cutAt?: number | undefined;
  /** The noise to start from, [images, channels, height, width]; drawn from the seed where left out. */
  readonly latents?: Tensor | undefined;
  /** Decode a preview after every so many evaluations. */
  readonly previewEvery?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The same with everything decided, and one class for each image. */
export interface SettledClassConditionalOptions {
  readonly classes: readonly number[];
  readonly steps: number;
  readonly guidanceScale: number;
  readonly eta: number;
  readonly seed: Seed;
  readonly sampler: ClassConditionalSampler;
  readonly cache: CachePolicy;
  readonly latents: Tensor | undefined;
  readonly previewEvery: number | undefined;
  readonly signal: AbortSignal | undefined;
}

type Model = Pick<LatentDiffusionModel, "classEmbedding" | "latentShape">;

/** Fills in defaults and refuses what the model cannot do; `randomSeed` is asked where no seed is given. */
export function settleClassConditional(
  options: ClassConditionalOptions,
  { classEmbedding, latentShape }: Model,
  randomSeed: () => number,
): SettledClassConditionalOptions {
  const {
    count = 1,
    steps = 250,
    guidanceScale = 1.5,
    eta = 0,
    seed = randomSeed(),
    sampler = "ddim",
    cache = { kind: "off" },
    latents,
    previewEvery,
  } = options;
  requireWhole("steps", steps, 1);
  requireWhole("count", count, 1);
  if (previewEvery !== undefined) requireWhole("preview interval", previewEvery, 1);
  requireRange("guidance scale", guidanceScale, 0);
  if (sampler === "plms" && eta !== 0) {
    throw new RangeError(`Cannot generate with eta ${eta}: PLMS adds no noise, so 0 is required`);
  }
  if (options.classes.length === 0) throw new RangeError("Cannot generate without a class: give at least one");
  for (const id of options.classes) requireWhole("class", id, 0, (classEmbedding.shape[0] ?? 1) - 1);
  const classes = options.classes.flatMap((id) => new Array<number>(count).fill(id));
  checkSeed(seed, classes.length);
  const shape = [classes.length, ...latentShape];
  if (latents !== undefined && latents.shape.join() !== shape.join()) {
    throw new RangeError(`Cannot generate from latents [${latents.shape}]: [${shape}] is required`);
  }
  const { signal } = options;
  return { classes, steps, guidanceScale, eta, seed, sampler, cache, latents, previewEvery, signal };
}
