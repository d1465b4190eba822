import type { RgbImage } from "../image/rgb-image.ts";
import { samplesToImages } from "../image/samples.ts";
import { autoencoderDecoder } from "../models/autoencoder-kl.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import type { SessionSlot } from "./session-slot.ts";
import type { StableDiffusionModel } from "./stable-diffusion-model.ts";

/** Turns latents [B, C, h, w] into images, one after the other so that memory does not grow with the batch. */
export async function decodeLatents(
  runtime: Runtime,
  { vae: { config, weights } }: StableDiffusionModel,
  slot: SessionSlot<Session>,
  latents: Tensor,
): Promise<RgbImage[]> {
  const [batch = 0, channels = 0, height = 0, width = 0] = latents.shape;
  const session = await slot.get(`${height}x${width}`, () =>
    runtime.load(autoencoderDecoder(config, { batch: 1, height, width }, weights)),
  );
  const size = elementCount([channels, height, width]);
  const images: RgbImage[] = [];
  for (let i = 0; i < batch; i++) {
    const latent = latents.data.slice(i * size, (i + 1) * size);
    for (let j = 0; j < size; j++) latent[j] = latent[j]! / config.scalingFactor + config.shiftFactor;
    const { image } = await session.run({ latent: { data: latent, shape: [1, channels, height, width] } });
    if (image === undefined) throw new TypeError('The decoder has no output "image"');
    images.push(...samplesToImages(await image.download()));
    image[Symbol.dispose]();
  }
  return images;
}
