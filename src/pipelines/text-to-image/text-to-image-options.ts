import { reduction } from "../../models/autoencoder/image-coder.ts";
import type { AdapterChoices, LoraChoice } from "../../systems/parts/adapters.ts";
import type { RunDefaults } from "../../systems/published-defaults.ts";
import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import { hasLinearPreviews, type PreviewKind } from "../latents/previews.ts";
import { latentGrid, type TileGrid, type VaeTiling } from "../latents/tiling.ts";
import { requireCharacters, requireMultiple, requireNumber, requireWhole } from "../run/requirements.ts";
import {
  listedSteps,
  type RunOptions,
  repeated,
  type ScheduleOptions,
  type SettledRun,
  type SettledSchedule,
  settleRun,
  settleSchedule,
} from "../run/run-options.ts";
import { conditionerOf } from "./conditioner-of.ts";
import {
  type ControlOptions,
  controlledSize,
  type SettledControls,
  settleControls,
} from "./control/control-options.ts";
import { type ImageOptions, modeOf, type Source, settleSource } from "./image-source.ts";
import { type PictureSizes, refinerSizes, type SettledSizes, settleSizes } from "./picture-sizes.ts";

/** What a run from a prompt can be asked for, alone or with an image; defaults as in diffusers. */
export interface TextToImageOptions extends ImageOptions, ControlOptions, AdapterChoices, RunOptions, ScheduleOptions {
  /** Several prompts make one batch. */
  readonly prompt: string | readonly string[];
  /** Leaving it out is not the same to SDXL as an empty one. */
  readonly negativePrompt?: string | readonly string[] | undefined;
  /**
   * 1 and less run the prompt alone; above, the prompt against the negative prompt (classifier-free guidance). The model's
   * own where left out.
   */
  readonly guidanceScale?: number | undefined;
  /** 0…1, against overexposure at high guidance (Lin et al. 2023, §3.4); more goes beyond, and less is 0. */
  readonly guidanceRescale?: number | undefined;
  /** In pixels. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** How many of the text encoder's last layers to leave out. */
  readonly clipSkip?: number | undefined;
  /**
   * Read prompts in AUTOMATIC1111's grammar, (a:1.3), ((a)), [a], BREAK, and at any length, in chunks; without it, brackets are
   * letters and what is beyond the text encoder's length has no effect.
   */
  readonly promptWeights?: boolean | undefined;
  /** What SDXL is told of the picture; other models are told nothing. */
  readonly sizes?: PictureSizes | undefined;
  /**
   * Decode and encode pictures larger than a tile in overlapping tiles, so that memory does not grow with their size. The
   * result differs a little from that of the whole picture.
   */
  readonly vaeTiling?: boolean | VaeTiling | undefined;
  /** What a tiny autoencoder decodes, where the model was opened with one: everything (default), or previews alone. */
  readonly tinyVaeFor?: TinyVaeUse | undefined;
  /** The share of the schedule after which the model's refiner takes over, where it was opened with one; 0.8 where left out. */
  readonly refinerStart?: number | undefined;
  /** How previews are made: by the tiny autoencoder where there is one, else by the model's own decoder, if left out. */
  readonly previewKind?: PreviewKind | undefined;
}

/** What a tiny autoencoder is for. */
export const TINY_VAE_USES = ["all", "previews"] as const;

/** One of `TINY_VAE_USES`. */
export type TinyVaeUse = (typeof TINY_VAE_USES)[number];

/** The same with everything decided. */
export interface SettledOptions extends SettledRun, SettledSchedule, AdapterChoices {
  readonly prompts: readonly string[];
  readonly negativePrompts: readonly string[] | undefined;
  /** What the model's kind of pipeline does where nobody says. */
  readonly defaults: RunDefaults;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  readonly width: number;
  readonly height: number;
  readonly source: Source;
  readonly controls: SettledControls;
  readonly sampler: string | undefined;
  readonly eta: number | undefined;
  readonly clipSkip: number;
  readonly promptWeights: boolean;
  readonly sizes: SettledSizes;
  /** Of latents; none where whole pictures are decoded. */
  readonly vaeTiling: TileGrid | undefined;
  readonly refinerStart: number;
  readonly refinerSizes: Pick<SettledSizes, "positive" | "negative">;
  readonly tinyVaeFor: TinyVaeUse;
  readonly previewKind: PreviewKind;
}

/** Fills in defaults and refuses what the model cannot do; `randomSeed` is asked where no seed is given. */
export function settle(
  options: TextToImageOptions,
  model: StableDiffusionModel,
  randomSeed: () => number,
): SettledOptions {
  const defaults = model.defaults.modes[modeOf(options)];
  const { guidanceScale = defaults.guidanceScale, guidanceRescale = 0, clipSkip = 0, sizes = {}, image } = options;
  const factor = reduction(model.vae.config);
  const [trainedHeight, trainedWidth] = model.unet.config.sampleSize ?? [64, 64];
  const own = image ?? controlledSize(options, factor);
  const { height = own.height ?? trainedHeight * factor, width = own.width ?? trainedWidth * factor } = options;
  const given = typeof options.prompt === "string" ? [options.prompt] : options.prompt;
  if (given.length === 0) throw new RangeError("Cannot generate without a prompt: give at least one, it may be empty");
  const schedule = settleSchedule(options, model.second === undefined ? "sd" : "sdxl");
  const { steps } = defaults;
  const run = settleRun(options, { steps, listed: listedSteps(schedule), rows: given.length, randomSeed });
  requireWhole("clip skip", clipSkip, 0, conditionerOf(model).mostSkipped);
  requireMultiple("width", width, factor);
  requireMultiple("height", height, factor);
  requireNumber("guidance scale", guidanceScale);
  requireNumber("guidance rescale", guidanceRescale);
  const negatives = options.negativePrompt;
  if (typeof negatives === "object" && negatives.length !== given.length) {
    throw new RangeError(`Cannot pair ${negatives.length} negative prompts with ${given.length} prompts`);
  }
  requireCharacters("the prompt", given);
  requireCharacters("the negative prompt", [negatives ?? []].flat());
  const negativeRows = typeof negatives === "string" ? given.map(() => negatives) : negatives;
  return {
    ...run,
    ...schedule,
    prompts: repeated(given, options.count),
    negativePrompts: negativeRows && repeated(negativeRows, options.count),
    defaults,
    guidanceScale,
    guidanceRescale,
    width,
    height,
    source: settleSource(options, model, { strength: defaults.strength, images: run.images, width, height }),
    controls: settleControls(options, model.controls),
    sampler: options.sampler ?? model.defaults.sampler,
    eta: options.eta,
    clipSkip,
    promptWeights: options.promptWeights ?? false,
    loras: settleLoras(options.loras),
    embeddings: options.embeddings,
    sizes: settleSizes(sizes, { width, height }, modeOf(options)),
    vaeTiling: gridOf(options.vaeTiling, model),
    refinerStart: refinerStartOf(options, model),
    refinerSizes: refinerSizes(sizes, { width, height }),
    tinyVaeFor: options.tinyVaeFor ?? "all",
    previewKind: previewKindOf(options, model),
  };
}

function refinerStartOf({ refinerStart, mask }: TextToImageOptions, { refiner }: StableDiffusionModel): number {
  if (refiner === undefined && refinerStart !== undefined) {
    throw new TypeError("Cannot generate with refinerStart but no refiner: open the model with one");
  }
  if (refiner !== undefined && mask !== undefined) {
    throw new TypeError("Cannot refine a picture that is painted anew in places: open the model without a refiner");
  }
  const start = refinerStart ?? REFINER_START;
  if (start > 0 && start < 1) return start;
  throw new RangeError(`Cannot refine from ${start} of the schedule: a number above 0 and below 1 is required`);
}

/** Where SDXL's base model hands over, as published. */
export const REFINER_START = 0.8;

function settleLoras(loras: readonly LoraChoice[] = []): readonly LoraChoice[] {
  for (const { strength, unet, text } of loras) {
    for (const given of [strength, unet, text]) if (given !== undefined) requireNumber("LoRA strength", given);
  }
  return loras;
}

/** The quickest kind of preview that a model has. */
export function quickPreviewOf({ tinyVae, vae }: StableDiffusionModel): PreviewKind {
  if (tinyVae !== undefined) return "tiny";
  return hasLinearPreviews(vae.config) ? "linear" : "full";
}

function previewKindOf({ previewKind, tinyVaeFor }: TextToImageOptions, model: StableDiffusionModel): PreviewKind {
  const { tinyVae, vae } = model;
  if (tinyVae === undefined && tinyVaeFor !== undefined) {
    throw new TypeError("Cannot generate with tinyVaeFor but no tiny autoencoder: open the model with one");
  }
  if (previewKind === "tiny" && tinyVae === undefined) {
    throw new TypeError("Cannot make tiny previews without a tiny autoencoder: open the model with one");
  }
  if (previewKind === "linear" && !hasLinearPreviews(vae.config)) {
    throw new RangeError(
      `Cannot make linear previews of "${model.folder}": only the latents of Stable Diffusion and SDXL have a known approximation`,
    );
  }
  return previewKind ?? (tinyVae === undefined ? "full" : "tiny");
}

function gridOf(tiling: boolean | VaeTiling | undefined, { vae }: StableDiffusionModel): TileGrid | undefined {
  if (tiling === undefined || tiling === false) return undefined;
  return latentGrid(tiling === true ? {} : tiling, vae.config.sampleSize, reduction(vae.config));
}
