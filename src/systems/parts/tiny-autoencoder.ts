import { CheckpointError } from "../../checkpoint/errors.ts";
import { nameOf, openPlace } from "../../checkpoint/files/place.ts";
import { type FileLike, type FolderLike, isFiles } from "../../checkpoint/files.ts";
import { openComponent } from "../../checkpoint/folder/component.ts";
import { openCheckpoint } from "../../checkpoint/open-checkpoint.ts";
import { unwrapped } from "../../checkpoint/unwrapped.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import { reduction } from "../../models/autoencoder/image-coder.ts";
import {
  type TinyAutoencoderConfig,
  tinyAutoencoderConfig,
  tinyDecoder,
  tinyReduction,
} from "../../models/autoencoder/tiny-autoencoder.ts";
import { checkFit } from "../../originals/keys/check-fit.ts";
import type { Network } from "../network.ts";
import type { OwnAutoencoder, PartOptions } from "./autoencoder.ts";

/**
 * Opens a tiny autoencoder (TAESD) that decodes in place of a model's own: a folder of diffusers, or a file of a decoder in
 * diffusers' or the original names.
 */
export async function openTinyAutoencoder(
  path: FolderLike | FileLike,
  { name: model, vae }: OwnAutoencoder,
  options: PartOptions = {},
): Promise<Network<TinyAutoencoderConfig>> {
  const place = await openPlace(path, "the tiny autoencoder");
  const name = nameOf(place);
  const network = isFiles(place)
    ? await openComponent(place, options).then(({ config, configPath, weights }) => ({
        config: tinyAutoencoderConfig(config, configPath),
        weights,
      }))
    : describeFile(unwrapped((await openCheckpoint(place, options)).weights), name);
  const { config, weights } = network;
  const [latent, own] = [config.latentChannels, vae.latentChannels];
  const refuse = (reason: string): CheckpointError =>
    new CheckpointError(`Cannot decode pictures of "${model}" by "${name}": ${reason}`, { code: "MODEL_UNSUPPORTED" });
  if (latent !== own) throw refuse(`its latents have ${latent} channels, the model's ${own}`);
  if (tinyReduction(config) !== reduction(vae)) {
    throw refuse(
      `it makes pictures ${tinyReduction(config)} times larger than latents, the model's autoencoder ${reduction(vae)} times`,
    );
  }
  checkFit(`"${name}"`, () => tinyDecoder(config, { batch: 1, height: 8, width: 8 }, weights));
  return network;
}

/** The original decoder begins with a step without weights, which diffusers does not count. */
function describeFile(weights: Weights, name: string): Network<TinyAutoencoderConfig> {
  const isDecoder = [...weights.keys()].some((key) => /^(taesd_)?(decoder\.)?\d+\.conv\.0\.weight$/.test(key));
  const named = isDecoder
    ? new Map(
        [...weights].map(([key, weight]) => {
          const [, place, rest] = /^(?:taesd_)?(?:decoder\.)?(\d+)\.(.+)$/.exec(key) ?? [];
          return [place === undefined ? key : `decoder.layers.${Number(place) - 1}.${rest}`, weight] as const;
        }),
      )
    : weights;
  const [width, latentChannels] = named.get("decoder.layers.0.weight")?.shape ?? [];
  if (width === undefined || latentChannels === undefined) {
    throw new CheckpointError(
      `Cannot open "${name}" as a tiny autoencoder: it has no tensor of a decoder, "1.weight" or "decoder.layers.0.weight"`,
      { code: "MODEL_UNSUPPORTED" },
    );
  }
  const widths = [width, width, width, width];
  const config = {
    latent_channels: latentChannels,
    encoder_block_out_channels: widths,
    decoder_block_out_channels: widths,
  };
  return { config: tinyAutoencoderConfig(config, name), weights: named };
}
