import { forGuidance } from "../deepcache/shared-halves.ts";
import { layOutUNet, sessionsOf } from "../denoisers/unet-run.ts";
import { autoencoderDecoder, autoencoderEncoder } from "../models/autoencoder/autoencoder-kl.ts";
import { reduction } from "../models/autoencoder/image-coder.ts";
import { tinyDecoder } from "../models/autoencoder/tiny-autoencoder.ts";
import { vqDecoder } from "../models/autoencoder/vq-model.ts";
import { type ClipTextConfig, clipTextModel } from "../models/clip/clip-text.ts";
import type { Controls } from "../models/control/control-network.ts";
import { unet } from "../models/unet/unet.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import type { Convolutions } from "../runtime/convolutions.ts";
import { type NetworkMemory, networkMemory, type PlannedSession, THREAD_BYTES } from "../runtime/memory/network.ts";
import type { Precision } from "../runtime/precision.ts";
import type { LatentDiffusionModel } from "../systems/latent-diffusion.ts";
import type { Network } from "../systems/network.ts";
import type { StableDiffusionModel } from "../systems/stable-diffusion.ts";
import { latentGrid, type VaeTiling } from "./latents/tiling.ts";
import { requireMultiple } from "./run/requirements.ts";
import type { TinyVaeUse } from "./text-to-image/text-to-image-options.ts";

/** What of a model its memory depends on: any model that is opened, or a U-Net by itself. */
export type MemoryModel =
  | { readonly kind: "text-to-image"; readonly model: PromptedModel }
  | { readonly kind: "class-to-image"; readonly model: Pick<LatentDiffusionModel, "unet" | "firstStage"> }
  | { readonly kind: "unconditional-image" | "network"; readonly model: { readonly unet: Network<UNetConfig> } };

type PromptedModel = Pick<StableDiffusionModel, "unet" | "vae" | "tinyVae" | "refiner"> &
  Encoder & { readonly second?: Encoder | undefined };
interface Encoder {
  readonly textEncoder: Network<ClipTextConfig>;
}

/** What of a run its memory depends on. */
export interface MemoryOptions {
  /** Images in the batch. */
  readonly count?: number | undefined;
  /** Whether guidance shows the U-Net every image twice. */
  readonly guided?: boolean | undefined;
  /** Where the U-Net is cut; it is not where left out. */
  readonly branch?: number | undefined;
  /** Whether what the trunk gives is forecast from its last two results. */
  readonly forecast?: boolean | undefined;
  /** Of the images, in pixels; the model's own where left out. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Whether the run starts from an image, which is encoded first. */
  readonly fromImage?: boolean | undefined;
  readonly vaeTiling?: boolean | VaeTiling | undefined;
  /** As in `nodeRuntime`. */
  readonly lowMemory?: boolean | undefined;
  /** How large convolutions are computed; as the runtime does by itself where left out. */
  readonly convolutions?: Convolutions | undefined;
  /** What the U-Net is computed in; float32 where left out. */
  readonly precision?: Precision | undefined;
  /** Whether OpenVINO runs the networks, rather than ONNX Runtime. */
  readonly onOpenVino?: boolean | undefined;
  /** As in a pipeline's effects, and true where left out as there. */
  readonly keepLoaded?: boolean | undefined;
  /** What a tiny autoencoder decodes, where the model has one; everything where left out. */
  readonly tinyVaeFor?: TinyVaeUse | undefined;
  /** What steers the U-Net. */
  readonly controls?: Controls | undefined;
  /** Tokens that a U-Net by itself looks at. */
  readonly contextLength?: number | undefined;
}

/** What one part of a program takes, in bytes. */
export interface MemoryComponent extends NetworkMemory {
  readonly name:
    | "text encoder"
    | "second text encoder"
    | "refiner's text encoder"
    | "image encoder"
    | "U-Net"
    | "refiner"
    | "decoder";
}

/** How much memory a run is going to take, in bytes. */
export interface MemoryEstimate {
  /** The most resident memory that the process has at any time. */
  readonly peak: number;
  /** Node, ONNX Runtime and this package before anything is loaded. */
  readonly process: number;
  /** Networks in the order in which they are loaded. */
  readonly components: readonly MemoryComponent[];
  /** The most resident memory in each phase of the run. */
  readonly phases: readonly { readonly name: MemoryComponent["name"]; readonly peak: number }[];
}

/** Node's own code and heap with this package and ONNX Runtime's library loaded, as measured on Linux, x64. */
const MAIN_BYTES = 105 * 2 ** 20;

/** The same with the thread in which networks are loaded and run. */
const PROCESS_BYTES = MAIN_BYTES + THREAD_BYTES;

/**
 * Estimates the peak memory of a run on a CPU from graphs and from the headers of weight files: nothing is loaded. It is
 * the process's resident memory, so that files that are mapped count as far as they are read.
 */
export function estimateMemory(opened: MemoryModel, options: MemoryOptions = {}): MemoryEstimate {
  const { keepLoaded = true } = options;
  const components = componentsOf(opened, options);
  let unetsHeld = 0; // by U-Nets that stay while others load
  let kept = 0;
  const phases = components.map(({ name, peak, weights, held, kept: own }) => {
    // What is kept of networks before serves this one's weights; its results are mostly too large for the holes.
    const before = Math.max(0, kept - weights);
    const beside = keepLoaded && unetsHeld > 0 ? unetsHeld : before;
    kept = Math.max(kept, own);
    if (name === "U-Net" || name === "refiner") unetsHeld += held;
    return { name, peak: PROCESS_BYTES + peak + beside };
  });
  return { peak: Math.max(...phases.map(({ peak }) => peak)), process: PROCESS_BYTES, components, phases };
}

/** Describes a network that is loaded as some sessions. */
type Describe = (name: MemoryComponent["name"], ...sessions: PlannedSession[]) => MemoryComponent;

function componentsOf(opened: MemoryModel, options: MemoryOptions): MemoryComponent[] {
  const { lowMemory = false, convolutions, precision, onOpenVino, contextLength } = options;
  const describe: Describe = (name, ...sessions) => ({
    name,
    ...networkMemory(sessions, { lowMemory, convolutions, precision, onOpenVino }),
  });
  const [trainedHeight, trainedWidth] = opened.model.unet.config.sampleSize ?? [64, 64];
  switch (opened.kind) {
    case "text-to-image":
      return promptedComponents(opened.model, options, describe);
    case "class-to-image": {
      const { unet, firstStage } = opened.model;
      const size = { height: trainedHeight, width: trainedWidth };
      const decoder = vqDecoder(firstStage.config, { batch: 1, ...size }, firstStage.weights);
      const network = unetComponent(unet, { ...size, contextLength: 1 }, options, describe);
      return [network, describe("decoder", { graph: decoder })];
    }
    case "unconditional-image":
    case "network": {
      const { height = trainedHeight, width = trainedWidth } = options;
      return [unetComponent(opened.model.unet, { height, width, contextLength }, options, describe)];
    }
  }
}

function unetComponent(
  { config, weights }: Network<UNetConfig>,
  {
    contextLength,
    ...size
  }: { readonly height: number; readonly width: number; readonly contextLength?: number | undefined },
  { count = 1, guided = false, branch, forecast, lowMemory = false, controls }: MemoryOptions,
  describe: Describe,
): MemoryComponent {
  const batch = guided ? 2 * count : count;
  const shape = { ...size, batch, hoist: branch, ...(contextLength === undefined ? {} : { contextLength }) };
  const both = unet(config, shape, weights, controls);
  const network = guided ? forGuidance(both) : both;
  const layout = layOutUNet({ copies: !lowMemory }, network, { branch, forecast });
  const component = describe("U-Net", ...sessionsOf(layout));
  const former = 4 * layout.macs.forecast; // the trunk's result before the last, in float32
  const { results, held, peak } = component;
  return { ...component, results: results + former, held: held + former, peak: peak + former };
}

function promptedComponents(model: PromptedModel, options: MemoryOptions, describe: Describe): MemoryComponent[] {
  const { guided = false, fromImage = false } = options;
  const { refiner } = model;
  const { config, weights } = model.vae;
  const factor = reduction(config);
  const [trainedHeight, trainedWidth] = model.unet.config.sampleSize ?? [64, 64];
  const { height = trainedHeight * factor, width = trainedWidth * factor } = options;
  requireMultiple("width", width, factor);
  requireMultiple("height", height, factor);
  const tile = tileOf(options, config.sampleSize, factor);
  const [tileHeight, tileWidth] = [Math.min(height / factor, tile), Math.min(width / factor, tile)];
  const encode = ({ textEncoder }: Encoder): PlannedSession => ({
    // Without guidance, prompts alone; with it, the negative prompt too, which is mostly the same for all.
    graph: clipTextModel(
      textEncoder.config,
      { batch: guided ? 2 : 1, length: textEncoder.config.positions },
      textEncoder.weights,
    ),
    once: true,
  });
  const image = { batch: 1, height: tileHeight * factor, width: tileWidth * factor };
  const latent = { batch: 1, height: tileHeight, width: tileWidth };
  const size = {
    height: height / factor,
    width: width / factor,
    contextLength: model.textEncoder.config.positions,
  };
  return [
    describe("text encoder", encode(model)),
    ...(model.second === undefined ? [] : [describe("second text encoder", encode(model.second))]),
    ...(refiner === undefined ? [] : [describe("refiner's text encoder", encode(refiner.text))]),
    ...(fromImage ? [describe("image encoder", { graph: autoencoderEncoder(config, image, weights) })] : []),
    unetComponent(model.unet, size, options, describe),
    ...(refiner === undefined
      ? []
      : [
          unetComponent(
            refiner.unet,
            { ...size, contextLength: refiner.text.textEncoder.config.positions },
            { ...options, controls: undefined },
            (_, ...sessions) => describe("refiner", ...sessions),
          ),
        ]),
    describe("decoder", { graph: decoderOf(model, options, size) ?? autoencoderDecoder(config, latent, weights) }),
  ];
}

/** A tiny autoencoder's, of the whole picture, where it decodes. */
function decoderOf(
  { tinyVae }: PromptedModel,
  { tinyVaeFor = "all" }: MemoryOptions,
  size: { readonly height: number; readonly width: number },
): ReturnType<typeof tinyDecoder> | undefined {
  if (tinyVae === undefined || tinyVaeFor === "previews") return undefined;
  return tinyDecoder(tinyVae.config, { batch: 1, ...size }, tinyVae.weights);
}

/** Side of the largest piece of a latent that is decoded at a time. */
function tileOf({ vaeTiling: tiling = false }: MemoryOptions, trainedSize: number | undefined, factor: number): number {
  if (tiling === false) return Number.POSITIVE_INFINITY;
  return latentGrid(tiling === true ? {} : tiling, trainedSize, factor).tile;
}
