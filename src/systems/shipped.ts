import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A folder of models that comes with the package: beside this file's code, or beside a program that it is bundled into. */
function packaged(name: string): string {
  const require = createRequire(import.meta.url ?? __filename); // a CommonJS bundle has no `import.meta`
  return join(dirname(require.resolve("deepcache/package.json")), "models", name);
}

/** The model that comes with the package. */
export const defaultModelFolder = (): string => packaged("fluent-scenes");

/** CLIP's vocabulary, which single files of Stable Diffusion lack. */
export const defaultTokenizerFolder = (): string => packaged("clip-tokenizer");

/** The networks that measure the embedded model's pictures: `clip`, `network` and `reference.safetensors`. */
export const sceneMetricsFolder = (): string => packaged("scene-metrics");
