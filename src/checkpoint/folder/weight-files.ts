import { CheckpointError } from "../errors.ts";

/** Which file of a component folder to start from. */
export type WeightFiles =
  | { readonly kind: "single"; readonly name: string }
  /** A JSON index that says which of several files holds each tensor. */
  | { readonly kind: "sharded"; readonly name: string };

/** diffusers; transformers (safetensors); transformers (pickles). */
const STEMS: readonly string[] = ["diffusion_pytorch_model", "model", "pytorch_model"];
/** What OpenCLIP calls its files of weights: safetensors; pickles, later also converted to safetensors. */
export const OPEN_CLIP_STEMS: readonly string[] = ["open_clip_model", "open_clip_pytorch_model"];
/** The variant that is read without having been asked for: the same weights, rounded. */
export const FALLBACK_VARIANT = "fp16";

/**
 * Chooses among the files of a component folder, which may hold the same weights several times: safetensors before
 * pickles, the plain files before the fp16 variant, one file before shards. Safetensors of the fp16 variant come before
 * a plain pickle. A variant that was asked for is never replaced by another; of a list, the first that there is is taken.
 */
export function findWeightFiles(
  folder: string,
  names: ReadonlySet<string>,
  variant?: string | readonly (string | undefined)[],
  stems: readonly string[] = STEMS,
): WeightFiles {
  for (const group of weightFileGroups(variant, stems)) {
    const found = group.find(({ name }) => names.has(name));
    if (found !== undefined) return found;
  }
  const wanted = typeof variant === "string" ? ` of variant "${variant}"` : "";
  throw new CheckpointError(
    `Cannot find weights${wanted} in "${folder}": looked for ${stems.join(", ")} as .safetensors or .bin, ` +
      "alone or with an .index.json",
  );
}

/** The files that weights may lie in, those first that are read before others; of one group, one is enough. */
export function weightFileGroups(
  variant?: string | readonly (string | undefined)[],
  stems: readonly string[] = STEMS,
): readonly (readonly WeightFiles[])[] {
  const variants = variant === undefined ? [undefined, FALLBACK_VARIANT] : [variant].flat();
  return ["safetensors", "bin"].flatMap((extension) => variants.map((one) => candidates(stems, extension, one)));
}

/** diffusers and transformers have put the variant of an index into three different places over the years. */
function candidates(stems: readonly string[], extension: string, variant: string | undefined): readonly WeightFiles[] {
  const single = variant === undefined ? extension : `${variant}.${extension}`;
  const indices =
    variant === undefined
      ? [`${extension}.index.json`]
      : [
          `${extension}.index.${variant}.json`,
          `${extension}.${variant}.index.json`,
          `${variant}.${extension}.index.json`,
        ];
  return [
    ...stems.map((stem): WeightFiles => ({ kind: "single", name: `${stem}.${single}` })),
    ...stems.flatMap((stem) => indices.map((index): WeightFiles => ({ kind: "sharded", name: `${stem}.${index}` }))),
  ];
}
