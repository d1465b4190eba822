/** Whether a pipeline reads prompts with one text encoder or two; what else it does, ours does for every model. */
export const PIPELINES = {
  StableDiffusionPipeline: "one",
  StableDiffusionImg2ImgPipeline: "one",
  StableDiffusionInpaintPipeline: "one",
  LatentConsistencyModelPipeline: "one",
  LatentConsistencyModelImg2ImgPipeline: "one",
  StableDiffusionXLPipeline: "two",
  StableDiffusionXLImg2ImgPipeline: "two",
  StableDiffusionXLInpaintPipeline: "two",
} as const satisfies Record<string, "one" | "two">;

/** Whether diffusers' pipeline `name` is one that this one stands for. */
export const isTextToImagePipeline = (name: string): name is keyof typeof PIPELINES => Object.hasOwn(PIPELINES, name);
