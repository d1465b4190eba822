import { CheckpointError } from "../checkpoint/errors.ts";
import type { Profile } from "./recommended/profile.ts";

/** What a run is for: a picture from words alone, from a picture, or within one. */
export type RunMode = "text" | "image" | "inpaint";

/** What a pipeline of diffusers does where its caller says nothing. */
export interface RunDefaults {
  readonly steps: number;
  readonly guidanceScale: number;
  /** How much of the schedule a run from a picture takes; of no account from words alone. */
  readonly strength: number;
  /** Of samplers that take it; 0 overrules TCD's own 0.3, as the pipelines do. */
  readonly eta: number;
  /** What overrules the fields of the model's scheduler config. */
  readonly scheduler: Readonly<Record<string, unknown>>;
  /** What strength below 1 leaves out: steps, or the noisiest of the timesteps that all steps are then spread over. */
  readonly shortens: "steps" | "timesteps";
}

/** How many text encoders a kind of model reads prompts with, and its defaults by what a run is for. */
export interface PublishedFamily {
  readonly textEncoders: 1 | 2;
  /** Whether its pipelines go by the autoencoder's `latents_mean` and `latents_std`. */
  readonly latentStatistics: boolean;
  readonly defaults: Readonly<Record<RunMode, RunDefaults>>;
}

const COMMON = { steps: 50, eta: 0, strength: 0.8, scheduler: {}, shortens: "steps" } as const;
const STABLE: RunDefaults = { ...COMMON, guidanceScale: 7.5, scheduler: { clip_sample: false, steps_offset: 1 } };
const INPAINTING: RunDefaults = { ...STABLE, strength: 1, scheduler: { steps_offset: 1, skip_prk_steps: true } };
const XL: RunDefaults = { ...COMMON, guidanceScale: 5, strength: 0.3 };
const CONSISTENCY: RunDefaults = { ...COMMON, steps: 4, guidanceScale: 8.5 };

/** The kinds of text-to-image models that diffusers has pipelines for, with what those do. */
export const FAMILIES = {
  "stable-diffusion": {
    textEncoders: 1,
    latentStatistics: false,
    defaults: { text: STABLE, image: STABLE, inpaint: INPAINTING },
  },
  "stable-diffusion-xl": {
    textEncoders: 2,
    latentStatistics: true,
    defaults: {
      text: XL,
      image: XL,
      inpaint: { ...XL, guidanceScale: 7.5, strength: 0.9999 },
    },
  },
  // Diffusers has no inpainting pipeline of its own for these.
  "latent-consistency": {
    textEncoders: 1,
    latentStatistics: false,
    defaults: { text: CONSISTENCY, image: { ...CONSISTENCY, shortens: "timesteps" }, inpaint: INPAINTING },
  },
} as const satisfies Readonly<Record<string, PublishedFamily>>;

/** The kind of a text-to-image model. */
export type FamilyName = keyof typeof FAMILIES;

/** Diffusers' pipeline classes that read prompts, by what model_index.json calls them. */
export const PIPELINE_CLASSES = {
  StableDiffusionPipeline: { family: "stable-diffusion", mode: "text" },
  StableDiffusionImg2ImgPipeline: { family: "stable-diffusion", mode: "image" },
  StableDiffusionInpaintPipeline: { family: "stable-diffusion", mode: "inpaint" },
  LatentConsistencyModelPipeline: { family: "latent-consistency", mode: "text" },
  LatentConsistencyModelImg2ImgPipeline: { family: "latent-consistency", mode: "image" },
  StableDiffusionXLPipeline: { family: "stable-diffusion-xl", mode: "text" },
  StableDiffusionXLImg2ImgPipeline: { family: "stable-diffusion-xl", mode: "image" },
  StableDiffusionXLInpaintPipeline: { family: "stable-diffusion-xl", mode: "inpaint" },
} as const satisfies Readonly<Record<string, { readonly family: FamilyName; readonly mode: RunMode }>>;

/** Whether diffusers' pipeline `name` is one that ours stands for. */
export const isTextToImagePipeline = (name: string): name is keyof typeof PIPELINE_CLASSES =>
  Object.hasOwn(PIPELINE_CLASSES, name);

/** Diffusers' pipelines without a condition: how many steps they take. */
export const UNCONDITIONAL_STEPS = { DDPMPipeline: 1000, DDIMPipeline: 50 } as const;

/** Diffusers' pipeline classes that ours stand for. */
export type PipelineClass = keyof typeof PIPELINE_CLASSES | keyof typeof UNCONDITIONAL_STEPS;

/** Whether a model of this class, as its index names it, can be opened. */
export const isPipelineClass = (name: string): name is PipelineClass =>
  isTextToImagePipeline(name) || Object.hasOwn(UNCONDITIONAL_STEPS, name);

/** What there is to say of a model of any other class. */
export const unknownPipeline = (model: string, className: string): CheckpointError =>
  new CheckpointError(
    `Cannot open "${model}": it is a ${className}, one of ${[...Object.keys(PIPELINE_CLASSES), ...Object.keys(UNCONDITIONAL_STEPS)].join(", ")} is required`,
    { code: "MODEL_UNSUPPORTED" },
  );

/** What a model recommends in its own folder, in place of what is published for its kind. */
export interface Recommended {
  readonly steps?: number | undefined;
  readonly guidanceScale?: number | undefined;
  /** One of the sampler names. */
  readonly sampler?: string | undefined;
  /** All words that a model of few words was trained on; others have next to no effect. */
  readonly knownWords?: readonly string[] | undefined;
}

/** The defaults of one model: those of its kind, with what it recommends itself. */
export interface ModelDefaults {
  readonly sampler: string | undefined;
  readonly knownWords: readonly string[] | undefined;
  /** What was tuned for the model, where its folder has it. */
  readonly profile: Profile | undefined;
  readonly modes: Readonly<Record<RunMode, RunDefaults>>;
}

/** `recommended` in front of what is published for `family`. */
export function modelDefaults(family: FamilyName, recommended: Recommended = {}, profile?: Profile): ModelDefaults {
  const { defaults } = FAMILIES[family];
  const { sampler, steps, guidanceScale, knownWords } = recommended;
  const own = (published: RunDefaults): RunDefaults => ({
    ...published,
    steps: steps ?? published.steps,
    guidanceScale: guidanceScale ?? published.guidanceScale,
  });
  return {
    sampler,
    knownWords,
    profile,
    modes: { text: own(defaults.text), image: own(defaults.image), inpaint: own(defaults.inpaint) },
  };
}
