import type { CachePolicy } from "../../deepcache/policy.ts";
import { reduction } from "../../models/autoencoder/image-coder.ts";
import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import { latentGrid, type TileGrid, type VaeTiling } from "../latents/tiling.ts";
import { requireMultiple, requireRange, requireWhole } from "../run/requirements.ts";
import { checkSeed, type Seed } from "../run/seeded-noise.ts";
import { conditionerOf } from "./conditioner-of.ts";
import { type ImageOptions, type Source, settleSource } from "./image-source.ts";
import type { PictureSizes } from "./text-conditioner.ts";

/** What a run from a prompt can be asked for, alone or with an image; names and defaults as in diffusers. */
export interface TextToImageOptions extends ImageOptions {
  /** Several prompts make one batch. */
  readonly prompt: string | readonly string[];
  /** Leaving it out is not the same to SDXL as an empty one. */
  readonly negativePrompt?: string | readonly string[] | undefined;
  readonly steps?: number | undefined;
  /**
   * 1 and less run the prompt alone; above, the prompt against the negative prompt (classifier-free guidance). 7.5, and 5
   * for SDXL, where left out.
   */
  readonly guidanceScale?: number | undefined;
  /** 0…1, against overexposure at high guidance (Lin et al. 2023, §3.4). */
  readonly guidanceRescale?: number | undefined;
  /** Whole number from 0, or one for each image; the same seed gives the image that diffusers gives on a CPU. */
  readonly seed?: Seed | undefined;
  /** In pixels. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Images per prompt, in one batch. */
  readonly count?: number | undefined;
  /** One of SAMPLER_NAMES; the model's own where left out. */
  readonly sampler?: string | undefined;
  /** Noise added on the way (DDIM): 0 none, 1 as much as DDPM. */
  readonly eta?: number | undefined;
  readonly cache?: CachePolicy | undefined;
  /**
   * Cut the network at this branch even where nothing is cached, so that runs with and without a cache share what is
   * loaded; such a run equals an uncut one within float32 rounding.
   */
  readonly cutAt?: number | undefined;
  /** How many of the text encoder's last layers to leave out. */
  readonly clipSkip?: number | undefined;
  /** What SDXL is told of the picture; other models are told nothing. */
  readonly sizes?: PictureSizes | undefined;
  /**
   * Decode and encode pictures larger than a tile in overlapping tiles, so that memory does not grow with their size. The
   * result differs a little from that of the whole picture.
   */
  readonly vaeTiling?: boolean | VaeTiling | undefined;
  /** Decode a preview after every so many evaluations. */
  readonly previewEvery?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The same with everything decided. */
export interface SettledOptions {
  readonly prompts: readonly string[];
  readonly negativePrompts: readonly string[] | undefined;
  readonly steps: number;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  readonly seed: Seed;
  readonly width: number;
  readonly height: number;
  readonly source: Source;
  readonly sampler: string | undefined;
  readonly eta: number | undefined;
  readonly cache: CachePolicy;
  readonly clipSkip: number;
  readonly sizes: PictureSizes;
  /** Of latents; none where whole pictures are decoded. */
  readonly vaeTiling: TileGrid | undefined;
  readonly previewEvery: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Fills in defaults and refuses what the model cannot do; `randomSeed` is asked where no seed is given. */
export function settle(
  options: TextToImageOptions,
  model: StableDiffusionModel,
  randomSeed: () => number,
): SettledOptions {
  const {
    steps = 50,
    guidanceScale = model.second === undefined ? 7.5 : 5,
    guidanceRescale = 0,
    count = 1,
    eta,
    cache = { kind: "off" },
    clipSkip = 0,
    sizes = {},
    seed = randomSeed(),
    previewEvery,
  } = options;
  const factor = reduction(model.vae.config);
  const [trainedHeight, trainedWidth] = model.unet.config.sampleSize ?? [64, 64];
  const { image } = options;
  const { height = image?.height ?? trainedHeight * factor, width = image?.width ?? trainedWidth * factor } = options;
  requireWhole("steps", steps, 1);
  requireWhole("count", count, 1);
  requireWhole("clip skip", clipSkip, 0, conditionerOf(model).mostSkipped);
  if (previewEvery !== undefined) requireWhole("preview interval", previewEvery, 1);
  for (const [name, size] of [
    ["width", width],
    ["height", height],
  ] as const)
    requireMultiple(name, size, factor);
  requireRange("guidance scale", guidanceScale, 0);
  requireRange("guidance rescale", guidanceRescale, 0, 1);
  const given = typeof options.prompt === "string" ? [options.prompt] : options.prompt;
  if (given.length === 0) throw new RangeError("Cannot generate without a prompt: give at least one, it may be empty");
  const negatives = options.negativePrompt;
  if (typeof negatives === "object" && negatives.length !== given.length) {
    throw new RangeError(`Cannot pair ${negatives.length} negative prompts with ${given.length} prompts`);
  }
  checkSeed(seed, given.length * count);
  if (typeof seed === "object" && image !== undefined) {
    throw new RangeError("Cannot generate from an image with a seed for each image: one seed is required");
  }
  const repeat = (texts: readonly string[]): string[] => texts.flatMap((text) => new Array<string>(count).fill(text));
  return {
    prompts: repeat(given),
    negativePrompts:
      negatives === undefined
        ? undefined
        : repeat(typeof negatives === "string" ? given.map(() => negatives) : negatives),
    steps,
    guidanceScale,
    guidanceRescale,
    seed,
    width,
    height,
    source: settleSource(options, model, { steps, width, height }),
    sampler: options.sampler,
    eta,
    cache,
    clipSkip,
    sizes,
    vaeTiling: gridOf(options.vaeTiling, model),
    previewEvery,
    signal: options.signal,
  };
}

function gridOf(tiling: boolean | VaeTiling | undefined, { vae }: StableDiffusionModel): TileGrid | undefined {
  if (tiling === undefined || tiling === false) return undefined;
  return latentGrid(tiling === true ? {} : tiling, vae.config.sampleSize, reduction(vae.config));
}
