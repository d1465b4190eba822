/** What follows the residual block in every layer of a level. */
export type LevelAttention =
  | { readonly kind: "none" }
  /** Self-attention over pixels (AttnDownBlock2D). */
  | { readonly kind: "self"; readonly heads: number }
  /** Transformer layers that look at the prompt (CrossAttnDownBlock2D). */
  | { readonly kind: "cross"; readonly heads: number; readonly layers: number; readonly onlyCrossAttention: boolean };

export interface UNetLevel {
  readonly channels: number;
  readonly layers: number;
  readonly attention: LevelAttention;
}

export type UNetArchitecture = "UNet2DConditionModel" | "UNet2DModel";

/** How SDXL is told of the picture. */
export interface Addition {
  readonly timeWidth: number;
  /** Of pooled text and numbers together. */
  readonly inputWidth: number;
  /** How many numbers: six for three sizes, or five where beauty stands for the last one; six where left out. */
  readonly numbers?: number | undefined;
}

/** A U-Net as its config.json describes it, diffusers' defaults filled in; levels run from the finest to the coarsest. */
export interface UNetConfig {
  readonly architecture: UNetArchitecture;
  /** [height, width] of the samples that the model was trained on. */
  readonly sampleSize: readonly [number, number] | undefined;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly centerInput: boolean;
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
  readonly timeWidth: number;
  /** Width of the guidance embedding of distilled models (`time_cond_proj_dim`). */
  readonly timeConditionWidth: number | undefined;
  readonly classes: number | undefined;
  /** SDXL's pooled text and sizes (`addition_embed_type: text_time`). */
  readonly addition: Addition | undefined;
  readonly down: readonly UNetLevel[];
  /** The up path, from the coarsest level to the finest. */
  readonly up: readonly UNetLevel[];
  readonly mid: { readonly attention: LevelAttention; readonly resnets: number } | undefined;
  readonly midScale: number;
  readonly contextWidth: number | undefined;
  readonly linearProjection: boolean;
  readonly downsamplePadding: number;
  readonly groups: number;
  /** Of the norm of the middle's self-attention; undefined where it has none. */
  readonly attentionGroups: number | undefined;
  readonly epsilon: number;
  readonly timeNorm: "default" | "scale_shift";
  readonly kernelIn: number;
  readonly kernelOut: number;
  /** Whether the paper's counter sees the norms outside of attention; it does unless said otherwise. */
  readonly normsTallied?: boolean;
}
