import { quote } from "../../checkpoint/bytes/limits.ts";
import type { CheckpointFile } from "../../checkpoint/checkpoint-file.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import { nameOf } from "../../checkpoint/files/place.ts";
import type { FileLike } from "../../checkpoint/files.ts";
import { type OpenCheckpointOptions, openCheckpoint } from "../../checkpoint/open-checkpoint.ts";
import type { JsonObject } from "../../checkpoint/text/json.ts";
import { readYamlFile } from "../../checkpoint/text/yaml-file.ts";
import { unwrapped } from "../../checkpoint/unwrapped.ts";
import type { Weight, Weights } from "../../checkpoint/weights.ts";
import { byName, type KeyMap } from "../keys/key-map.ts";
import { averagedWeights } from "./average.ts";
import { autoencoderJson, type Prediction, STABLE_DIFFUSION_SCHEDULE, schedulerJson, unetJson } from "./config.ts";
import { compvisAutoencoderName } from "./keys/compvis-autoencoder.ts";
import { compvisUnetName } from "./keys/compvis-unet.ts";
import { inferAutoencoder, inferUnet, type OriginalTensors, originalTensors } from "./shapes.ts";
import { type SingleFileKind, TEXT_TOWERS } from "./text.ts";
import { type OriginalConfig, originalConfig } from "./yaml.ts";

/** One network of a single file as its folder in diffusers' layout would have it: config.json, and weights in place. */
export interface SingleFileNetwork {
  readonly config: JsonObject;
  readonly weights: Weights;
}

/** A model that its authors published as one file; it carries no tokenizer. */
export interface SingleFile {
  readonly kind: SingleFileKind;
  readonly unet: SingleFileNetwork;
  readonly vae: SingleFileNetwork;
  /** One, or two for SDXL. */
  readonly textEncoders: readonly SingleFileNetwork[];
  /** scheduler_config.json of diffusers' own copy of such a model. */
  readonly scheduler: JsonObject;
}

export interface SingleFileOptions extends OpenCheckpointOptions {
  /** The YAML of the original repository that describes the model; without it, names and shapes of the tensors do. */
  readonly configPath?: FileLike | undefined;
  /** Whether to take the averaged weights of a file that has both kinds; true unless told otherwise. */
  readonly ema?: boolean | undefined;
}

/** Opens a .safetensors or .ckpt of Stable Diffusion 1.x, 2.x or XL in the names of its original code. */
export async function openSingleFile(file: FileLike, options: SingleFileOptions = {}): Promise<SingleFile> {
  const { configPath, ema, ...opening } = options;
  const config =
    configPath === undefined ? undefined : originalConfig(await readYamlFile(configPath), nameOf(configPath));
  const { weights, ...checkpoint } = await openCheckpoint(file, opening);
  return describeSingleFile({ ...checkpoint, weights: unwrapped(weights) }, nameOf(file), { config, ema });
}

export interface DescribeOptions {
  readonly config?: OriginalConfig | undefined;
  readonly ema?: boolean | undefined;
}

const UNET = "model.diffusion_model.";
const AUTOENCODER = "first_stage_model.";

/** What is known of a kind beyond its tensors: side of its images in pixels, and scale of its latents. */
const KINDS = {
  "sd-1": { size: 512, scalingFactor: 0.18215 },
  "sd-2": { size: 768, scalingFactor: 0.18215 },
  sdxl: { size: 1024, scalingFactor: 0.13025 },
  "sdxl-refiner": { size: 1024, scalingFactor: 0.13025 },
} as const satisfies Readonly<Record<SingleFileKind, unknown>>;
/** Side of the images of Stable Diffusion 2's base models, which predict noise. */
const BASE_SIZE = 512;

/** The networks in `file`, which messages call `name`; every tensor is part of one, or known to be of no use. */
export function describeSingleFile(
  file: CheckpointFile,
  name: string,
  { config, ema = true }: DescribeOptions = {},
): SingleFile {
  const fail = failure(name);
  const kind = kindOf(file.weights, fail);
  const tensors = (prefix: string, weights = file.weights) => originalTensors(weights, prefix, fail);
  const unetTensors = tensors(UNET, ema ? averagedWeights(file.weights, UNET, fail) : file.weights);
  const vaeTensors = tensors(AUTOENCODER);
  const unet = config?.unet ?? inferUnet(unetTensors);
  const vae = config?.vae ?? inferAutoencoder(vaeTensors);
  const levels = vae.channels.length;
  const prediction = config?.prediction ?? guessPrediction(kind, unet.inChannels, file);
  const size = kind === "sd-2" && prediction === "epsilon" ? BASE_SIZE : KINDS[kind].size;

  const used = new Set<string>();
  const rename = (original: OriginalTensors, map: KeyMap): Weights => renamed(original, map, used);
  const model: SingleFile = {
    kind,
    unet: {
      config: unetJson(unet, size / 2 ** (levels - 1)),
      weights: rename(
        unetTensors,
        byName((key) => compvisUnetName(key, unet.layers)),
      ),
    },
    vae: {
      config: autoencoderJson(vae, size, config?.scalingFactor ?? KINDS[kind].scalingFactor),
      weights: rename(
        vaeTensors,
        byName((key) => compvisAutoencoderName(key, levels)),
      ),
    },
    textEncoders: TEXT_TOWERS[kind].map(({ prefix, read }) => {
      const original = tensors(prefix);
      const { config: json, map } = read(original, config?.penultimate ?? true);
      return { config: json, weights: rename(original, map) };
    }),
    scheduler: schedulerJson({
      schedule: config?.schedule ?? STABLE_DIFFUSION_SCHEDULE,
      prediction,
      xl: kind === "sdxl" || kind === "sdxl-refiner",
      zeroTerminalSnr: file.weights.has("ztsnr"),
    }),
  };
  checkLeftovers(file.weights, used, fail);
  return model;
}

type Fail = (reason: string) => CheckpointError;

const failure =
  (name: string): Fail =>
  (reason) =>
    new CheckpointError(`Cannot read "${name}" as a Stable Diffusion model: ${reason}`);

function kindOf(weights: Weights, fail: Fail): SingleFileKind {
  const keys = [...weights.keys()];
  const holds = (prefix: string): boolean => keys.some((key) => key.startsWith(prefix));
  for (const [network, prefix] of [
    ["U-Net", UNET],
    ["autoencoder", AUTOENCODER],
  ] as const) {
    if (holds(prefix)) continue;
    throw fail(`it has no ${network}, tensors "${prefix}…" (it has ${keys.slice(0, 3).map(quote).join(", ")})`);
  }
  const kinds = Object.keys(TEXT_TOWERS) as SingleFileKind[];
  const kind = kinds.find((candidate) => TEXT_TOWERS[candidate].every(({ prefix }) => holds(prefix)));
  if (kind !== undefined) return kind;
  const wanted = kinds.map((candidate) => TEXT_TOWERS[candidate].map(({ prefix }) => `"${prefix}…"`).join(" and "));
  throw fail(`it has no text encoder that is known; looked for ${wanted.join(", or ")}`);
}

/** Step at which the training of Stable Diffusion 2's base model ended. */
const BASE_STEP = "875000";

/**
 * Whether a network was trained to predict noise or velocity, which no shape tells; as diffusers decides: velocity is
 * what Stable Diffusion 2 predicts, except for its base model, known by its training step, and for inpainting.
 */
function guessPrediction(kind: SingleFileKind, inChannels: number, { weights, metadata }: CheckpointFile): Prediction {
  if (weights.has("v_pred")) return "v_prediction"; // a mark that later trainers leave
  const base = metadata["global_step"] === BASE_STEP;
  return kind === "sd-2" && inChannels === 4 && !base ? "v_prediction" : "epsilon";
}

function renamed({ weights, prefix, fail }: OriginalTensors, map: KeyMap, used: Set<string>): Weights {
  const result = new Map<string, Weight>();
  for (const [key, weight] of weights) {
    if (isIgnored(prefix + key)) continue;
    const entries = map(key, weight);
    if (entries !== undefined) used.add(prefix + key);
    for (const [name, part] of entries ?? []) {
      if (result.has(name)) throw fail(`it has two tensors "${name}", of which "${prefix}${key}" is one`);
      result.set(name, part);
    }
  }
  return result;
}

/** What published files hold beside the weights of their networks. */
const IGNORED: readonly RegExp[] = [
  /^(betas|alphas_cumprod(_prev)?|sqrt_(one_minus_)?(recip(m1)?_)?alphas_cumprod|log_one_minus_alphas_cumprod)$/,
  /^(sqrt_recip_alphas_cumprod|sqrt_recipm1_alphas_cumprod|posterior_\w+|lvlb_weights|logvar|scale_factor)$/,
  /^model_ema\./, // the averages themselves are taken under the names of what they average
  /^denoiser\.sigmas$/,
  /^(v_pred|ztsnr)$/,
  /^(first_stage_model\.)?loss\./, // the discriminator of the autoencoder's training
  /^first_stage_model\.model_ema\./,
  /^(global_step|epoch|step|iteration)$/,
  /^embedding_manager\./, // words that were learnt beside the model, which its text encoder does not read
  /^safety_checker\./, // judges pictures that are made
  /\.embeddings\.position_ids$/,
  /^(cond_stage_model|conditioner\.embedders\.\d+)(\.model|\.transformer)?\.(logit_scale|attn_mask)$/,
  /^conditioner\.embedders\.0\.transformer\.text_projection\.weight$/, // SDXL looks at the other tower's
];

const isIgnored = (key: string): boolean => IGNORED.some((pattern) => pattern.test(key));

const MOST_SHOWN = 8;

function checkLeftovers(weights: Weights, used: ReadonlySet<string>, fail: Fail): void {
  const left = [...weights.keys()].filter((key) => !used.has(key) && !isIgnored(key));
  if (left.length === 0) return;
  const more = left.length > MOST_SHOWN ? ` and ${left.length - MOST_SHOWN} more` : "";
  throw fail(`${left.slice(0, MOST_SHOWN).map(quote).join(", ")}${more} belong to none of its networks`);
}
