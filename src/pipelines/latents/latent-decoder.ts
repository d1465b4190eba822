import type { RgbImage } from "../../image/rgb-image.ts";
import { samplesToImages } from "../../image/samples.ts";
import { autoencoderDecoder } from "../../models/autoencoder/autoencoder-kl.ts";
import { type TinyAutoencoderConfig, tinyDecoder } from "../../models/autoencoder/tiny-autoencoder.ts";
import { type VqModelConfig, vqDecoder } from "../../models/autoencoder/vq-model.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import { loadsUntil } from "../../runtime/until-aborted.ts";
import type { Network } from "../../systems/network.ts";
import { FAMILIES } from "../../systems/published-defaults.ts";
import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import { elementCount, entry, type Tensor } from "../../tensor/tensor.ts";
import type { SessionSlot } from "../run/session-slot.ts";
import { mapTiles, needsTiles, type TileGrid } from "./tiling.ts";

/** What turns latents into images. */
export interface LatentDecoder {
  /** Tells its sessions from those of other decoders. */
  readonly name: "kl" | "tiny" | "vq";
  /** Loads a network from `latent` to `image` for one latent at a time. */
  load(runtime: Runtime, height: number, width: number): Promise<Session>;
  /** A value of a channel as the sampler leaves it, as the network takes it. */
  unscaled(value: number, channel: number): number;
  /** Tiles for latents larger than one; without it, they are decoded as a whole. */
  readonly tiling?: TileGrid | undefined;
}

/** The decoder of an autoencoder with a continuous latent space. */
export function klLatentDecoder(
  { vae: { config, weights }, family }: Pick<StableDiffusionModel, "vae" | "family">,
  tiling?: TileGrid,
): LatentDecoder {
  const { scalingFactor } = config;
  const statistics = FAMILIES[family].latentStatistics ? config.statistics : undefined;
  return {
    name: "kl",
    tiling,
    load: (runtime, height, width) => runtime.load(autoencoderDecoder(config, { batch: 1, height, width }, weights)),
    unscaled: (value, channel) =>
      statistics === undefined
        ? value / scalingFactor
        : (value * entry(statistics.deviation, channel)) / scalingFactor + entry(statistics.mean, channel),
  };
}

/** The decoder of a tiny autoencoder, to which latents are told as the sampler leaves them. */
export const tinyLatentDecoder = ({ config, weights }: Network<TinyAutoencoderConfig>): LatentDecoder => ({
  name: "tiny",
  load: (runtime, height, width) => runtime.load(tinyDecoder(config, { batch: 1, height, width }, weights)),
  unscaled: (value) => value / config.scalingFactor,
});

/** The decoder of an autoencoder with a codebook. */
export const vqLatentDecoder = ({ config, weights }: Network<VqModelConfig>): LatentDecoder => ({
  name: "vq",
  load: (runtime, height, width) => runtime.load(vqDecoder(config, { batch: 1, height, width }, weights)),
  unscaled: (value) => value / config.scalingFactor,
});

/** Turns latents [B, C, h, w] into images, one after the other so that memory does not grow with the batch. */
export async function decodeLatents(
  runtime: Runtime,
  decoder: LatentDecoder,
  slot: SessionSlot<Session>,
  latents: Tensor,
  signal?: AbortSignal,
): Promise<RgbImage[]> {
  const [batch = 0, channels = 0, height = 0, width = 0] = latents.shape;
  const { tiling } = decoder;
  const decode = (latent: Tensor): Promise<Tensor> => {
    signal?.throwIfAborted();
    return decodeLatent(runtime, decoder, slot, latent, signal);
  };
  const size = elementCount([channels, height, width]);
  const images: RgbImage[] = [];
  for (let i = 0; i < batch; i++) {
    const plane = height * width;
    const data = latents.data
      .slice(i * size, (i + 1) * size)
      .map((value, j) => decoder.unscaled(value, Math.floor(j / plane)));
    const latent = { data, shape: [1, channels, height, width] };
    const inTiles = tiling !== undefined && needsTiles(latent, tiling);
    images.push(...samplesToImages(await (inTiles ? mapTiles(latent, tiling, decode) : decode(latent))));
  }
  return images;
}

/** Decodes a latent [1, C, h, w]; the session for its size stays in the slot. */
async function decodeLatent(
  runtime: Runtime,
  decoder: LatentDecoder,
  slot: SessionSlot<Session>,
  latent: Tensor,
  signal: AbortSignal | undefined,
): Promise<Tensor> {
  const [, , height = 0, width = 0] = latent.shape;
  const session = await slot.get(`${decoder.name} ${height}x${width}`, () =>
    decoder.load(loadsUntil(runtime, signal), height, width),
  );
  const outputs = await session.run({ latent }, { signal });
  try {
    const { image } = outputs;
    if (image === undefined) throw new TypeError('The decoder has no output "image"');
    return await image.download();
  } finally {
    for (const output of Object.values(outputs)) output[Symbol.dispose]();
  }
}
