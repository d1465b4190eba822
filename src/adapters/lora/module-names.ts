import type { Weights } from "../../checkpoint/weights.ts";
import { compvisUnetName } from "../../originals/stable-diffusion/keys/compvis-unet.ts";

/** The networks of a model that a LoRA changes. */
export type LoraPart = "unet" | "text" | "secondText";

/** A model that a LoRA is opened for. */
export interface LoraTarget {
  /** For messages. */
  readonly name: string;
  /** Layers of every level of the U-Net, which the original names count through. */
  readonly layers: readonly number[];
  readonly weights: Readonly<Record<LoraPart, Weights | undefined>>;
}

/** The weight that a module of a LoRA changes. */
export interface ModulePlace {
  readonly part: LoraPart;
  readonly key: string;
}

/** How names of modules begin, and whose they are. */
const BEGINNINGS: readonly (readonly [RegExp, LoraPart])[] = [
  [/^lora_unet_/, "unet"],
  [/^lora_te2_/, "secondText"],
  [/^lora_te1?_/, "text"],
  [/^unet\./, "unet"],
  [/^(?:model\.)?diffusion_model\./, "unet"],
  [/^text_encoder_2\./, "secondText"],
  [/^text_encoder\./, "text"],
  [/^(?=text_model\.)/, "text"],
  [/^/, "unet"],
];

/** Attention layers as diffusers called them while their LoRA was a processor of its own. */
const PROCESSOR: readonly (readonly [RegExp, string])[] = [
  [/\.processor\.to_out$/, ".to_out.0"],
  [/\.processor\.(to_[qkv])$/, ".$1"],
  [/\.self_attn\.to_([qkv])$/, ".self_attn.$1_proj"],
  [/\.self_attn\.to_out$/, ".self_attn.out_proj"],
];

const flat = (name: string): string => name.replaceAll(".", "_");

/** Finds the weight of a model that a module's name means, in whichever of the namings it is. */
export function moduleFinder({ layers, weights }: LoraTarget): (module: string) => ModulePlace | undefined {
  const known = Object.fromEntries(
    (["unet", "text", "secondText"] as const).map((part) => [part, flatNames(weights[part])]),
  ) as Readonly<Record<LoraPart, ReadonlyMap<string, string>>>;
  return (module) => {
    const bare = module.replace(/^base_model\.model\./, "");
    const [beginning, part] = BEGINNINGS.find(([pattern]) => pattern.test(bare)) ?? BEGINNINGS.at(-1)!;
    const rest = PROCESSOR.reduce((name, [old, current]) => name.replace(old, current), bare.replace(beginning, ""));
    const names = [flat(rest), ...(part === "unet" ? [originalName(flat(rest), layers)] : [])];
    const key = names.map((name) => known[part].get(name)).find((found) => found !== undefined);
    return key === undefined ? undefined : { part, key };
  };
}

/** Names of modules with "_" for every ".", as kohya's scripts write them; those of text models with their prefix and without. */
function flatNames(weights: Weights | undefined): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const key of weights?.keys() ?? []) {
    if (!key.endsWith(".weight")) continue;
    const module = key.slice(0, -".weight".length);
    const bare = module.replace(/^text_model\./, "");
    names.set(flat(bare), key);
    names.set(`text_model_${flat(bare)}`, key);
  }
  return names;
}

/** The flat name in diffusers' naming of a module that has the original one: "input_blocks_4_1_proj_in". */
function originalName(name: string, layers: readonly number[]): string {
  const dotted = name
    .replace(/^input_blocks_0_0$/, "input_blocks.0.0")
    .replace(/^(input_blocks|output_blocks)_(\d+)_(\d+)_/, "$1.$2.$3.")
    .replace(/^middle_block_(\d+)_/, "middle_block.$1.")
    .replace(/^time_embed_(\d)$/, "time_embed.$1")
    .replace(/^label_emb_0_(\d)$/, "label_emb.0.$1")
    .replace(/^out_(\d)$/, "out.$1")
    .replace(/(^|\.)(in_layers|emb_layers|out_layers)_(\d)$/, "$1$2.$3");
  const found = compvisUnetName(`${dotted}.weight`, layers) ?? "";
  return flat(found.replace(/\.weight$/, ""));
}
