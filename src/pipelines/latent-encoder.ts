import type { NoiseSource } from "../diffusion/sampler.ts";
import { autoencoderEncoder, sampleLatent } from "../models/autoencoder-kl.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { StableDiffusionModel } from "./stable-diffusion-model.ts";
import type { PixelSize } from "./text-conditioner.ts";

/** Draws one of the latents that an image may have, [1, C, h, w]. */
export type LatentDistribution = (noise: NoiseSource) => Tensor;

/** The encoder of an autoencoder, loaded for images of one size. */
export interface LatentEncoder extends AsyncDisposable {
  /** Takes an image [1, 3, H, W] in [-1, 1]. */
  encode(image: Tensor): Promise<LatentDistribution>;
}

export async function loadLatentEncoder(
  runtime: Runtime,
  { vae: { config, weights } }: Pick<StableDiffusionModel, "vae">,
  { width, height }: PixelSize,
): Promise<LatentEncoder> {
  const { scalingFactor, shiftFactor } = config;
  const session = await runtime.load(autoencoderEncoder(config, { batch: 1, height, width }, weights));
  return {
    async encode(image) {
      const outputs = await session.run({ image });
      const [mean, logvar] = [await outputs["mean"]?.download(), await outputs["logvar"]?.download()];
      if (!mean || !logvar) throw new TypeError('The encoder has no output "mean" or "logvar"');
      return (noise) => {
        const { data, shape } = sampleLatent(mean, logvar, noise(mean.shape));
        return { data: data.map((value) => (value - shiftFactor) * scalingFactor), shape };
      };
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}
