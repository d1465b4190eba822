import { nameOf } from "../checkpoint/files/place.ts";
import type { FileLike } from "../checkpoint/files.ts";
import { readTokenizerFiles } from "../checkpoint/folder/tokenizer-files.ts";
import { readSchedulerConfig } from "../diffusion/scheduler-config.ts";
import { autoencoderKlConfig } from "../models/autoencoder/autoencoder-kl.ts";
import { clipTextConfig } from "../models/clip/clip-text.ts";
import { unetConfig } from "../models/unet/unet-config.ts";
import type { SingleFileNetwork } from "../originals/stable-diffusion/single-file.ts";
import { openClipTokenizer } from "../tokenizer/clip-tokenizer.ts";
import type { ModelLocation } from "./model-location.ts";
import { modelDefaults } from "./published-defaults.ts";
import { checkFit, type Network, refinerAlone, type StableDiffusionModel, seenBy } from "./stable-diffusion.ts";
import { OPEN_CLIP_PADDING, type TextEncoder } from "./text-encoder.ts";

/** Opens a .safetensors or .ckpt file of Stable Diffusion in the names of its original code. */
export async function openSingleStableDiffusion(
  checkpoint: FileLike,
  location: Omit<ModelLocation, "path">,
): Promise<StableDiffusionModel> {
  const { config: configPath, tokenizer, variant, ...opening } = location;
  const path = nameOf(checkpoint);
  const { openSingleFile } = await import("../originals/stable-diffusion/single-file.ts"); // which folders do without
  const file = await openSingleFile(checkpoint, { configPath, ...opening });
  const vocabulary = await readTokenizerFiles(tokenizer);
  const network = <Config>(
    { config, weights }: SingleFileNetwork,
    parse: (config: unknown, source: string) => Config,
  ): Network<Config> => ({ config: parse(config, path), weights });
  const text = async (encoder: SingleFileNetwork, openClip: boolean): Promise<TextEncoder> => ({
    textEncoder: network(encoder, clipTextConfig),
    tokenizer: await openClipTokenizer(openClip ? { ...vocabulary, specialTokens: OPEN_CLIP_PADDING } : vocabulary),
  });
  if (file.kind === "sdxl-refiner") throw refinerAlone(path);
  const [first, second] = file.textEncoders;
  if (first === undefined) throw new TypeError(`"${path}" has no text encoder`);
  const [unet, vae] = [network(file.unet, unetConfig), network(file.vae, autoencoderKlConfig)];
  const family = second === undefined ? "stable-diffusion" : "stable-diffusion-xl";
  const model: StableDiffusionModel = {
    folder: path,
    family,
    defaults: modelDefaults(family),
    sees: seenBy(unet.config, vae.config),
    unet,
    vae,
    ...(await text(first, file.kind === "sd-2")),
    ...(second === undefined ? {} : { second: { ...(await text(second, true)), zeroMissingPrompt: true } }),
    scheduler: readSchedulerConfig(file.scheduler, path),
  };
  checkFit(model);
  return model;
}
