import type { CacheOption } from "../deepcache/policies.ts";
import type { SamplerName } from "../diffusion/samplers.ts";
import type { Fit } from "../image/geometry/fit.ts";
import type { Preprocessing } from "../image/preprocess/preprocess.ts";
import type { ImageInput } from "../image/read-image.ts";
import type { ClassConditionalSampler } from "../pipelines/class-conditional/class-conditional-options.ts";
import type { PreviewKind } from "../pipelines/latents/previews.ts";
import type { PresetName } from "../pipelines/presets.ts";
import type { LatentImage } from "../pipelines/text-to-image/image-source.ts";
import type { PictureSizes } from "../pipelines/text-to-image/picture-sizes.ts";
import type { TinyVaeUse } from "../pipelines/text-to-image/text-to-image-options.ts";
import type { ModelPlace } from "../systems/places/model-place.ts";
import type { TimestepSelection } from "../systems/unconditional.ts";
import type { ImageEvent } from "./results.ts";

/** Options of every run. What is left out is as the model was published, or as its folder recommends. */
export interface CommonOptions {
  /** Denoising steps. */
  readonly steps?: number | undefined;
  /** Image i of a run has seed + i, and is the image that this seed gives alone; drawn where left out. */
  readonly seed?: number | readonly number[] | undefined;
  /** Images for each prompt or class, or in all. */
  readonly count?: number | undefined;
  readonly sampler?: SamplerName | undefined;
  /** Noise added on the way: 0 none, 1 as much as DDPM; any number for DDIM, up to 1 for TCD. */
  readonly eta?: number | undefined;
  /**
   * When the deep part of the U-Net runs: a number runs it on every n-th evaluation alone and reuses what it gave in between
   * (DeepCache); a policy says more; "off", and 1, run it always. "off" where left out.
   */
  readonly cache?: CacheOption | undefined;
  /**
   * Instead of `cache`: how many times fewer operations than without a cache, from 1. Which evaluations are full, and the
   * forecast between them, are chosen for the sampler and the steps.
   */
  readonly speedup?: number | undefined;
  /** Instead of `sampler`, `steps` and `cache`: how much quality to give for speed. */
  readonly preset?: PresetName | undefined;
  /** Give a preview after every so many evaluations, as an event. */
  readonly previewEvery?: number | undefined;
  /** Draw the noise of all images from one generator, as diffusers does where it is given one. */
  readonly oneGenerator?: boolean | undefined;
  /** Ends the run: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told what happens, as it happens. */
  readonly onEvent?: ((event: ImageEvent) => void) | undefined;
  /** Diffusers' names of options pass, too. */
  readonly num_inference_steps?: number | undefined;
  readonly numInferenceSteps?: number | undefined;
  readonly num_images_per_prompt?: number | undefined;
  readonly numImagesPerPrompt?: number | undefined;
}

/** How a run is laid out in place of the sampler's own spacing; the list then says how many steps there are. */
export interface ScheduleOptions {
  /** The timesteps, highest first; or "ays": Align Your Steps for the model's kind. */
  readonly timesteps?: readonly number[] | ScheduleName | undefined;
  /** The noise levels, highest first and with the one that the last step leads to; or "ays". */
  readonly sigmas?: readonly number[] | ScheduleName | undefined;
}

/** Published lists of timesteps and noise levels. */
export type ScheduleName = "ays" | "ays-sd" | "ays-sdxl";

/** A LoRA: its file with "[:STRENGTH][:unet=X][:text=X]" behind it, or apart. */
export type LoraOption =
  | string
  | {
      /** A file of a LoRA, or a folder that diffusers or peft saved one in; in a page, also what was picked or dropped. */
      readonly path: ModelPlace;
      /** 1 as it was trained, which is the default. */
      readonly strength?: number | undefined;
      /** To the U-Net and to text encoders; `strength` where left out. */
      readonly unet?: number | undefined;
      readonly text?: number | undefined;
    };

/** Options of a run from prompts. */
export interface TextToImageOptions extends CommonOptions, ScheduleOptions {
  /** What the images should not show; one for all prompts, or one for each. */
  readonly negativePrompt?: string | readonly string[] | undefined;
  /** How strongly to follow the prompt; 1 and less run without guidance, twice as fast. */
  readonly guidanceScale?: number | undefined;
  /** 0…1, against overexposure at high guidance (Lin et al. 2023, §3.4); more goes beyond, and less is 0. */
  readonly guidanceRescale?: number | undefined;
  /** How many of the text encoder's last layers to leave out. */
  readonly clipSkip?: number | undefined;
  /**
   * Read prompts in AUTOMATIC1111's grammar, (a:1.3), ((a)), [a], BREAK, and at any length; otherwise brackets are letters, and
   * what is beyond the text encoder's length has no effect.
   */
  readonly promptWeights?: boolean | undefined;
  /** LoRAs to change the model by, as files or "FILE:0.8"; below 0 they are taken away. */
  readonly loras?: LoraOption | readonly LoraOption[] | undefined;
  /** Files of vectors (textual inversion) by the words that stand for them in prompts. */
  readonly embeddings?: Readonly<Record<string, ModelPlace>> | undefined;
  /** In pixels; the model's own, or the picture's, where left out. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** A picture to start from or, with a mask, to change in places; or latents to start from, as an earlier run left them. */
  readonly image?: ImageInput | LatentImage | undefined;
  /** White where `image` is painted anew, black where it stays. */
  readonly mask?: ImageInput | undefined;
  /** How `image` and `mask` come to the size of the images: "cover" (default) crops, "contain" adds edges, "fill" stretches. */
  readonly fit?: Fit | undefined;
  /** Above 0, up to 1: how much of `image` is changed. */
  readonly strength?: number | undefined;
  /** What each ControlNet or T2I-Adapter of the pipeline looks at, stretched to the size of the images. */
  readonly controlImage?: ImageInput | readonly ImageInput[] | undefined;
  /** What is made of the pictures first: "none" (default), or their edges, "canny" or "canny:LOW:HIGH". */
  readonly controlPreprocess?: Preprocessing | readonly Preprocessing[] | undefined;
  /** How strongly they steer: one number, or one for each; 1 where left out. */
  readonly controlScale?: number | readonly number[] | undefined;
  /** The share of the run after which they steer, and the one up to which they do; 0 and 1 where left out. */
  readonly controlStart?: number | readonly number[] | undefined;
  readonly controlEnd?: number | readonly number[] | undefined;
  /** Whether ControlNets guess what the picture shows: for runs without much of a prompt. */
  readonly guessMode?: boolean | undefined;
  /** What SDXL is told of the picture, and of what it should not be; other models are told nothing. */
  readonly sizes?: PictureSizes | undefined;
  /** Decode and encode large pictures in overlapping tiles, so that memory does not grow with their size. */
  readonly vaeTiling?: boolean | undefined;
  /** The share of the schedule after which the pipeline's refiner takes over; 0.8 where left out. */
  readonly refinerStart?: number | undefined;
  /** What the pipeline's tiny autoencoder decodes: "all" (default), or "previews" alone. */
  readonly tinyVaeFor?: TinyVaeUse | undefined;
  /**
   * How previews are made: "tiny" by the tiny autoencoder, "linear" by an approximation without a network, "full" by the
   * model's decoder. Where left out, the tiny autoencoder if there is one, else the decoder.
   */
  readonly previewKind?: PreviewKind | undefined;
  readonly guidance_scale?: number | undefined;
  readonly negative_prompt?: string | readonly string[] | undefined;
}

/** Options of a run from classes. */
export interface ClassToImageOptions extends Omit<CommonOptions, "sampler"> {
  readonly sampler?: ClassConditionalSampler | undefined;
  /** How strongly to follow the class; 1 runs without guidance, twice as fast. */
  readonly guidanceScale?: number | undefined;
  readonly guidance_scale?: number | undefined;
}

/** Options of a run from noise alone. */
export interface UnconditionalImageOptions extends CommonOptions, ScheduleOptions {
  /** How timesteps are spread: as the DDPM code does, instead of as the scheduler does. */
  readonly timestepSelection?: TimestepSelection | undefined;
  /** Whether DDIM derives the noise anew from the clipped image. */
  readonly useClippedModelOutput?: boolean | undefined;
}

/** Options of the library alone, for every task and for pictures. */
export const LIBRARY_OPTIONS = ["onEvent"] as const;
export const PICTURE_OPTIONS = ["fit"] as const;
