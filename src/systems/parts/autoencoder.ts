import { CheckpointError } from "../../checkpoint/errors.ts";
import { nameOf, openPlace } from "../../checkpoint/files/place.ts";
import { type FileLike, type FolderLike, isFiles } from "../../checkpoint/files.ts";
import { type ComponentOptions, openComponent } from "../../checkpoint/folder/component.ts";
import { openCheckpoint } from "../../checkpoint/open-checkpoint.ts";
import { unwrapped } from "../../checkpoint/unwrapped.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import {
  type AutoencoderKlConfig,
  autoencoderDecoder,
  autoencoderEncoder,
  autoencoderKlConfig,
} from "../../models/autoencoder/autoencoder-kl.ts";
import { reduction } from "../../models/autoencoder/image-coder.ts";
import { checkFit } from "../../originals/keys/check-fit.ts";
import { compvisAutoencoderName } from "../../originals/stable-diffusion/keys/compvis-autoencoder.ts";
import type { Network } from "../network.ts";

/** What an autoencoder replaces or stands in for. */
export interface OwnAutoencoder {
  /** Of the model. */
  readonly name: string;
  readonly vae: AutoencoderKlConfig;
}

/** How parts from elsewhere are opened. */
export type PartOptions = Omit<ComponentOptions, "variant">;

/**
 * Opens an autoencoder in place of a model's own: a folder of diffusers, or a file in diffusers' or the original names, which
 * is taken to have the settings of the model's.
 */
export async function openAutoencoder(
  path: FolderLike | FileLike,
  own: OwnAutoencoder,
  options: PartOptions = {},
): Promise<Network<AutoencoderKlConfig>> {
  const place = await openPlace(path, "the autoencoder");
  const name = nameOf(place);
  const network = isFiles(place)
    ? await openComponent(place, options).then(({ config, configPath, weights }) => ({
        config: autoencoderKlConfig(config, configPath),
        weights,
      }))
    : {
        config: own.vae,
        weights: describeFile(unwrapped((await openCheckpoint(place, options)).weights), name, own.vae),
      };
  const { config, weights } = network;
  const refuse = (reason: string): CheckpointError =>
    new CheckpointError(`Cannot use the autoencoder "${name}" with "${own.name}": ${reason}`, {
      code: "MODEL_UNSUPPORTED",
    });
  if (config.latentChannels !== own.vae.latentChannels) {
    throw refuse(`its latents have ${config.latentChannels} channels, the model's ${own.vae.latentChannels}`);
  }
  if (reduction(config) !== reduction(own.vae)) {
    throw refuse(
      `its latents are ${reduction(config)} times smaller than pictures, the model's ${reduction(own.vae)} times`,
    );
  }
  checkFit(`the autoencoder "${name}"`, () => {
    autoencoderEncoder(
      config,
      { batch: 1, height: SIDE * reduction(config), width: SIDE * reduction(config) },
      weights,
    );
    autoencoderDecoder(config, { batch: 1, height: SIDE, width: SIDE }, weights);
  });
  return network;
}

/** Of a latent, for graphs that are built only to see whether weights fit. */
const SIDE = 8;

/** Before the names of an autoencoder within a whole model, which may be given for its autoencoder alone. */
const PREFIX = "first_stage_model.";

/** Losses and averages of training, which published files hold beside the autoencoder. */
const OF_TRAINING = /^(loss|model_ema)\./;

function describeFile(weights: Weights, name: string, { channels }: AutoencoderKlConfig): Weights {
  const keys = [...weights.keys()];
  const prefix = keys.some((key) => key.startsWith(PREFIX)) ? PREFIX : "";
  const own = new Map(
    [...weights].flatMap(([key, weight]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), weight] as const] : [],
    ),
  );
  if (!own.has("decoder.conv_in.weight")) {
    throw new CheckpointError(`Cannot open "${name}" as an autoencoder: it has no tensor "decoder.conv_in.weight"`, {
      code: "MODEL_UNSUPPORTED",
    });
  }
  const isOriginal = own.has("decoder.mid.block_1.conv1.weight");
  return new Map(
    [...own].flatMap(([key, weight]) => {
      if (OF_TRAINING.test(key)) return [];
      return [[isOriginal ? (compvisAutoencoderName(key, channels.length) ?? key) : key, weight] as const];
    }),
  );
}
