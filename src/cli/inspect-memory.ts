import type { Command } from "commander";
import { describedModel } from "../benchmark/random-model.ts";
import {
  controlWeightShapes,
  describedWeights,
  unetWeightShapes,
  type WeightDtype,
} from "../benchmark/random-weights.ts";
import { CheckpointError } from "../checkpoint/errors.ts";
import { nameOf } from "../checkpoint/files/place.ts";
import { reduction } from "../models/autoencoder/image-coder.ts";
import type { ControlNetwork } from "../models/control/control-network.ts";
import { unetConfig } from "../models/unet/unet-config.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import { isGuided as isClassGuided } from "../pipelines/class-conditional/class-conditional.ts";
import { estimateMemory, type MemoryEstimate, type MemoryModel } from "../pipelines/estimate-memory.ts";
import type { Precision } from "../runtime/precision.ts";
import { openModel } from "../systems/open-model.ts";
import type { ResolvedModel } from "../systems/resolve-model.ts";
import { defaultTokenizerFolder } from "../systems/shipped.ts";
import { parseDtype } from "./flags/generation-flags.ts";
import { parseNumber, parseWhole, UsageError } from "./flags/usage.ts";
import { gibibytes, table } from "./terminal/units.ts";

/** What of a run its memory depends on, as `generate` has it, and the type of weights that are not there. */
export interface MemoryFlags {
  /** Of the sample that the U-Net sees. */
  readonly width?: number;
  readonly height?: number;
  readonly interval?: readonly number[];
  readonly branch?: number;
  readonly dtype: WeightDtype;
  readonly count: number;
  readonly guidanceScale?: number;
  readonly fromImage?: boolean;
  readonly lowMemory?: boolean;
  readonly keepLoaded?: boolean;
  readonly vaeTiling?: boolean;
  readonly precision?: Precision;
}

/** Adds the flags that memory depends on. */
export function addMemoryFlags(command: Command): Command {
  return command
    .option("--dtype <type>", "weights that are not there are of this type: fp16 or fp32", parseDtype, "fp16")
    .option("-b, --count <n>", "images in the batch", (text) => parseWhole("--count", text, 1), 1)
    .option("--guidance-scale <s>", "1 and less run without guidance", (text) => parseNumber("--guidance-scale", text))
    .option("--from-image", "the run starts from a picture")
    .option("--low-memory", "weights stay in their files")
    .option("--precision <name>", "what the U-Net is computed in: float32 or int8", parseEstimatedPrecision)
    .option("--keep-loaded", "networks stay loaded, as they do in `compare` and in pipelines")
    .option("--vae-tiling", "large pictures are decoded in tiles (default with --low-memory)")
    .option("--no-vae-tiling", "pictures are decoded as a whole");
}

/** The memory that a run of the model takes; `config` is its U-Net's. */
export async function inspectMemory(
  resolved: ResolvedModel,
  config: unknown,
  flags: MemoryFlags & {
    readonly contextLength?: number | undefined;
    readonly controlOf?: ((unet: UNetConfig) => ControlNetwork) | undefined;
  },
): Promise<MemoryEstimate> {
  const model = await describe(resolved, config, flags.dtype);
  const factor = model.kind === "text-to-image" ? reduction(model.model.vae.config) : 1;
  const { width, height, interval, branch = 0, count, fromImage, contextLength, controlOf } = flags;
  const { lowMemory = false, keepLoaded = false, vaeTiling = lowMemory, precision } = flags;
  // Models of prompts and of classes are guided unless told otherwise.
  const isConditioned = model.kind === "text-to-image" || model.kind === "class-to-image";
  const { guidanceScale = isConditioned ? 2 : 1 } = flags;
  return estimateMemory(model, {
    ...{ count, fromImage, contextLength, lowMemory, keepLoaded, vaeTiling, precision },
    controls: controlOf && {
      networks: [described(controlOf(model.model.unet.config), model.model.unet.config, flags.dtype)],
    },
    guided: model.kind === "class-to-image" ? isClassGuided(guidanceScale) : guidanceScale > 1,
    branch: interval === undefined && flags.branch === undefined ? undefined : branch,
    width: width && factor * width,
    height: height && factor * height,
  });
}

/** A network with its own weights, or with some that are nowhere. */
function described(network: ControlNetwork, config: UNetConfig, dtype: WeightDtype): ControlNetwork {
  if (network.weights !== undefined) return network;
  return { ...network, weights: describedWeights(controlWeightShapes(network, config), dtype) };
}

async function describe(resolved: ResolvedModel, config: unknown, dtype: WeightDtype): Promise<MemoryModel> {
  if (resolved.kind === "architecture") return describedModel(resolved.name, dtype);
  const { path } = resolved;
  try {
    return await openModel({ path, tokenizer: defaultTokenizerFolder() });
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const unet = unetConfig(config, nameOf(path)); // a folder without weights can still be inspected
    const weights = describedWeights(unetWeightShapes(unet), dtype);
    return { kind: "network", model: { unet: { config: unet, weights } } };
  }
}

/** The estimate by network and in all. */
export function memoryText({ peak, process: base, components, phases }: MemoryEstimate): string {
  const rows = components.map((component, i) => [
    component.name,
    gibibytes(component.weights),
    gibibytes(component.mapped),
    gibibytes(component.results),
    gibibytes(component.peak),
    gibibytes(phases[i]?.peak ?? 0),
  ]);
  return [
    `memory of a run on a CPU: ${gibibytes(peak)} at most, of which ${gibibytes(base)} for the program itself`,
    table([["network", "weights", "mapped files", "results", "at most", "whole process"], ...rows]),
  ].join("\n");
}

/** Estimates know ONNX Runtime alone. */
function parseEstimatedPrecision(text: string): Precision {
  if (text === "float32" || text === "int8") return text;
  throw new UsageError(`Cannot estimate memory for --precision ${text}: float32 or int8 is required`);
}
