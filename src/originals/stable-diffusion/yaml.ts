import type { JsonObject } from "../../checkpoint/text/json.ts";
import {
  type ConfigReader,
  configReader,
  isLayerCount,
  isPositive,
  LAYER_COUNT,
  TRAINING_STEPS,
} from "../../models/config-reader.ts";
import {
  type OriginalAutoencoder,
  type OriginalSchedule,
  type OriginalUnet,
  type Prediction,
  STABLE_DIFFUSION_SCHEDULE,
} from "./config.ts";

/** What a YAML file of the original repositories (CompVis', Stability's) says about a model. */
export interface OriginalConfig {
  readonly unet: OriginalUnet;
  readonly vae: OriginalAutoencoder;
  readonly scalingFactor: number;
  readonly schedule: OriginalSchedule;
  readonly prediction: Prediction;
  /** Whether the prompt is what the last layer but one of OpenCLIP's tower makes of it. */
  readonly penultimate: boolean;
}

/** Reads the parsed YAML; an unsupported setting is refused by name. */
export function originalConfig(yaml: JsonObject, source: string): OriginalConfig {
  const read = configReader(yaml, source).section("model").section("params");
  const denoiser = read.section("denoiser_config").section("params");
  return {
    unet: readUnet(read.section(read.has("network_config") ? "network_config" : "unet_config").section("params")),
    vae: readAutoencoder(read.section("first_stage_config").section("params").section("ddconfig")),
    scalingFactor: read.number("scale_factor"),
    schedule: {
      start: read.number("linear_start", STABLE_DIFFUSION_SCHEDULE.start),
      end: read.number("linear_end", STABLE_DIFFUSION_SCHEDULE.end),
      timesteps: read.integer("timesteps", STABLE_DIFFUSION_SCHEDULE.timesteps, TRAINING_STEPS),
    },
    prediction: readPrediction(read, denoiser.section("scaling_config")),
    penultimate: readLayer(read.section("cond_stage_config").section("params")),
  };
}

function readUnet(read: ConfigReader): OriginalUnet {
  read.only("use_spatial_transformer", [true]);
  for (const field of ["resblock_updown", "use_scale_shift_norm", "disable_self_attentions"]) read.only(field, [false]);
  read.only("num_classes", ["sequential"]); // classes by number belong to other pipelines
  read.only("dims", [2]);
  const factors = read.integers("channel_mult");
  const count = factors.length;
  const channels = factors.map((factor) => factor * read.integer("model_channels"));
  const resolutions = new Set(read.integers("attention_resolutions"));
  const [contextWidth, ...otherWidths] = new Set(read.perLevel("context_dim", count, isPositive));
  if (contextWidth === undefined || otherWidths.length > 0) read.fail("context_dim", "one width for all levels");
  return {
    inChannels: read.integer("in_channels"),
    outChannels: read.integer("out_channels"),
    channels,
    layers: read.perLevel("num_res_blocks", count, isLayerCount),
    attention: factors.map((_, level) => resolutions.has(2 ** level)),
    depths: read.perLevel("transformer_depth", count, isLayerCount, 1),
    heads: readHeads(read, channels),
    contextWidth,
    linearProjection: read.boolean("use_linear_in_transformer", false),
    additionWidth: read.has("num_classes") ? read.integer("adm_in_channels") : undefined,
  };
}

/** Their number, or -1 and the width of one. */
function readHeads(read: ConfigReader, channels: readonly number[]): readonly number[] {
  const width = read.integer("num_head_channels", -1, { least: -1 });
  if (width === -1) {
    const heads = read.integer("num_heads");
    return heads > 0 ? channels.map(() => heads) : read.fail("num_heads", "a positive number");
  }
  return channels.map((count) =>
    width > 0 && count % width === 0 ? count / width : read.fail("num_head_channels", `a divisor of ${count} channels`),
  );
}

function readAutoencoder(read: ConfigReader): OriginalAutoencoder {
  read.only("double_z", [true]);
  if (read.integers("attn_resolutions", []).length > 0) read.fail("attn_resolutions", "an empty list");
  return {
    inChannels: read.integer("in_channels"),
    outChannels: read.integer("out_ch"),
    latentChannels: read.integer("z_channels"),
    channels: read.integers("ch_mult").map((factor) => factor * read.integer("ch")),
    layers: read.integer("num_res_blocks", undefined, LAYER_COUNT),
  };
}

/** A field of Stable Diffusion 1.x and 2.x, the name of a class for SDXL. */
function readPrediction(read: ConfigReader, scaling: ConfigReader): Prediction {
  const scalings = { EpsScaling: "epsilon", VScaling: "v_prediction" } as const;
  if (scaling.has("target")) {
    const name = scaling.string("target").split(".").at(-1) ?? "";
    const prediction = Object.hasOwn(scalings, name) ? scalings[name as keyof typeof scalings] : undefined;
    return prediction ?? scaling.fail("target", "a class EpsScaling or VScaling");
  }
  return read.choice("parameterization", { eps: "epsilon", v: "v_prediction" } as const, "eps");
}

function readLayer(read: ConfigReader): boolean {
  return read.choice("layer", { last: false, penultimate: true, hidden: true } as const, "penultimate");
}
