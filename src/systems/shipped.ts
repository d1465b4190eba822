import { fileURLToPath } from "node:url";

const packaged = (name: string): string => fileURLToPath(new URL(`../../models/${name}`, import.meta.url));

/** The model that comes with the package. */
export const defaultModelFolder = (): string => packaged("fluent-scenes");

/** CLIP's vocabulary, which single files of Stable Diffusion lack. */
export const defaultTokenizerFolder = (): string => packaged("clip-tokenizer");

/** The networks that measure the embedded model's pictures: `clip`, `network` and `reference.safetensors`. */
export const sceneMetricsFolder = (): string => packaged("scene-metrics");
