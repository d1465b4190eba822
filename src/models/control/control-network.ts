import type { Weights } from "../../checkpoint/weights.ts";
import type { UNetConfig } from "../unet/unet-types.ts";

/** A ControlNet as its config.json describes it: the way down and the middle of a U-Net, and an encoder of pictures. */
export interface ControlNetConfig {
  /** Of which the way up is not there. */
  readonly unet: UNetConfig;
  readonly hintChannels: number;
  /** Of the encoder's convolutions, from the picture to the latent's size; each after the first halves it. */
  readonly hintWidths: readonly number[];
  /** Whether it was trained on blue, green, red. */
  readonly blueFirst: boolean;
  /** Whether means over the picture are added instead of every place's own. */
  readonly pooled: boolean;
}

/** A T2I-Adapter as its config.json describes it. */
export interface T2iAdapterConfig {
  readonly kind: "full" | "full-xl" | "light";
  readonly hintChannels: number;
  readonly channels: readonly number[];
  readonly blocks: number;
  /** How many pixels along a side go into one place of the first level. */
  readonly downscale: number;
}

/** A network that steers a U-Net by a picture. */
export type ControlNetwork =
  | { readonly kind: "controlnet"; readonly config: ControlNetConfig; readonly weights?: Weights | undefined }
  | { readonly kind: "t2i-adapter"; readonly config: T2iAdapterConfig; readonly weights?: Weights | undefined };

/** The networks that steer a U-Net, one picture each. */
export interface Controls {
  readonly networks: readonly ControlNetwork[];
  /**
   * Whether ControlNets guess (diffusers' guess mode): they weigh more towards the middle, and see all rows of the batch or,
   * where guidance shows the U-Net every image twice, those with the prompt alone.
   */
  readonly guess?: "all" | "prompted" | undefined;
}

/** The graph's input for the picture of network `index`: [1, channels, height, width] from 0 to 1. */
export const controlImageName = (index: number): string => `control_image_${index}`;

/** The graph's input for how strongly network `index` steers an evaluation: one number. */
export const controlScaleName = (index: number | string): string => `control_scale_${index}`;

/** How many pixels of the picture along a side make one of the latent. */
export function controlReduction({ kind, config }: ControlNetwork): number {
  if (kind === "controlnet") return 2 ** (config.hintWidths.length - 1);
  return config.kind === "full-xl" ? config.downscale / 2 : config.downscale;
}

/** The same network without its weights: enough to count and to print. */
export const unweighted = (network: ControlNetwork): ControlNetwork => ({ ...network, weights: undefined });

/** A ControlNet as they are made for training: a copy of the U-Net's way down, and the usual encoder of pictures. */
export const controlNetFor = (unet: UNetConfig): ControlNetwork => ({
  kind: "controlnet",
  config: { unet, hintChannels: 3, hintWidths: HINT_WIDTHS, blueFirst: false, pooled: false },
});

/** Of published ControlNets. */
export const HINT_WIDTHS: readonly number[] = [16, 32, 96, 256];
