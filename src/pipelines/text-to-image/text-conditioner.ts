import type { Conditioning } from "../../denoisers/evaluation.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** In pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** What SDXL is told of the picture that it should imagine; names and defaults as in diffusers. */
export interface PictureSizes {
  /** Of the picture before it was scaled down for training; the image's own where left out. */
  readonly originalSize?: PixelSize | undefined;
  /** Where its crop begins; the corner where left out. */
  readonly cropsCoordsTopLeft?: { readonly top: number; readonly left: number } | undefined;
  /** Of the crop; the image's own where left out. */
  readonly targetSize?: PixelSize | undefined;
}

/** What a run says of itself in words and sizes. */
export interface TextRequest extends PixelSize {
  /** One for each image of the batch, as are the negative prompts. */
  readonly prompts: readonly string[];
  /** Undefined where none was given, which is not the same as an empty one to every model. */
  readonly negativePrompts: readonly string[] | undefined;
  /** Whether the U-Net sees the batch twice, first with the negative prompts. */
  readonly guided: boolean;
  /** How many of the text encoder's last layers the prompts do without. The reference never skips for negative ones. */
  readonly clipSkip: number;
  readonly sizes: PictureSizes;
}

export interface TextConditions {
  /** The U-Net's inputs, by their names. */
  readonly conditioning: Conditioning & { readonly encoder_hidden_states: Tensor };
  readonly warnings: readonly string[];
}

/** Makes of words what a U-Net takes. Text encoders are loaded for the call and released. */
export interface TextConditioner {
  /** The most layers that `clipSkip` may name. */
  readonly mostSkipped: number;
  condition(runtime: Runtime, request: TextRequest): Promise<TextConditions>;
}
