import type { NoiseSource } from "../../diffusion/sampler.ts";
import { autoencoderEncoder, sampleLatent } from "../../models/autoencoder/autoencoder-kl.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import { concatenate, repeatRow } from "../../tensor/concatenate.ts";
import { entry, type Tensor } from "../../tensor/tensor.ts";
import { type SessionSlot, sessionSlot } from "../run/session-slot.ts";
import { imageGrid, mapTiles, needsTiles, type TileGrid } from "./tiling.ts";

/** Draws some of the latents that an image may have, [draws, C, h, w]; one where nobody says. */
export type LatentDistribution = (noise: NoiseSource, draws?: number) => Tensor;

/** The encoder of an autoencoder; what it loads is for images of one size. */
export interface LatentEncoder extends AsyncDisposable {
  /** Takes an image [1, 3, H, W] in [-1, 1]. */
  encode(image: Tensor): Promise<LatentDistribution>;
}

export interface LatentEncoderOptions {
  /** Tiles of latents to encode larger images in. */
  readonly tiling?: TileGrid | undefined;
  /** Whether to go by the autoencoder's statistics, where it has them. */
  readonly standardize?: boolean;
}

/** An encoder for images of one size, in one piece or in tiles. */
export function loadLatentEncoder(
  runtime: Runtime,
  { vae: { config, weights } }: Pick<StableDiffusionModel, "vae">,
  { tiling, standardize = false }: LatentEncoderOptions = {},
): LatentEncoder {
  const { scalingFactor } = config;
  const statistics = standardize ? config.statistics : undefined;
  const standardized = (value: number, channel: number): number =>
    ((value - entry(statistics?.mean ?? [], channel)) * scalingFactor) / entry(statistics?.deviation ?? [], channel);
  const slot: SessionSlot<Session> = sessionSlot();
  /** Means and then the logarithms of the variances, as channels of one tensor. */
  const moments = async (image: Tensor): Promise<Tensor> => {
    const [, , height = 0, width = 0] = image.shape;
    const session = await slot.get(`${height}x${width}`, () =>
      runtime.load(autoencoderEncoder(config, { batch: 1, height, width }, weights)),
    );
    const outputs = await session.run({ image });
    const [mean, logvar] = [await outputs["mean"]?.download(), await outputs["logvar"]?.download()];
    if (!mean || !logvar) throw new TypeError('The encoder has no output "mean" or "logvar"');
    return concatenate([mean, logvar], 1);
  };
  return {
    async encode(image) {
      const grid = tiling && imageGrid(tiling);
      const both = await (grid && needsTiles(image, grid) ? mapTiles(image, grid, moments) : moments(image));
      const [mean, logvar] = halves(both);
      return (noise, draws = 1) => {
        const drawn = noise([draws, ...mean.shape.slice(1)]);
        const { data, shape } = sampleLatent(repeatRow(mean, draws), repeatRow(logvar, draws), drawn);
        if (statistics === undefined) return { data: data.map((value) => value * scalingFactor), shape };
        const [, channels = 0, h = 1, w = 1] = shape;
        return { data: data.map((value, i) => standardized(value, Math.floor(i / (h * w)) % channels)), shape };
      };
    },
    [Symbol.asyncDispose]: () => slot[Symbol.asyncDispose](),
  };
}

/** The two halves of the channels of a tensor [1, C, h, w]. */
function halves({ data, shape: [, channels = 0, ...size] }: Tensor): [Tensor, Tensor] {
  const shape = [1, channels / 2, ...size];
  const middle = data.length / 2;
  return [
    { data: data.subarray(0, middle), shape },
    { data: data.subarray(middle), shape },
  ];
}
