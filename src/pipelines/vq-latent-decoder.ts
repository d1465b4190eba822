import type { RgbImage } from "../image/rgb-image.ts";
import { samplesToImages } from "../image/samples.ts";
import { type VqModelConfig, vqDecoder } from "../models/vq-model.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import type { SessionSlot } from "./session-slot.ts";
import type { Network } from "./stable-diffusion-model.ts";

/** Turns latents [B, C, h, w] into images by way of the codebook, one after the other as memory grows with the batch. */
export async function decodeVqLatents(
  runtime: Runtime,
  { config, weights }: Network<VqModelConfig>,
  slot: SessionSlot<Session>,
  latents: Tensor,
): Promise<RgbImage[]> {
  const [batch = 0, channels = 0, height = 0, width = 0] = latents.shape;
  const session = await slot.get(`${height}x${width}`, () =>
    runtime.load(vqDecoder(config, { batch: 1, height, width }, weights)),
  );
  const size = elementCount([channels, height, width]);
  const images: RgbImage[] = [];
  for (let i = 0; i < batch; i++) {
    const data = latents.data.slice(i * size, (i + 1) * size).map((value) => value / config.scalingFactor);
    const outputs = await session.run({ latent: { data, shape: [1, channels, height, width] } });
    try {
      const { image } = outputs;
      if (image === undefined) throw new TypeError('The decoder has no output "image"');
      images.push(...samplesToImages(await image.download()));
    } finally {
      for (const output of Object.values(outputs)) output[Symbol.dispose]();
    }
  }
  return images;
}
