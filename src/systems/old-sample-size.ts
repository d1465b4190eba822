import { isJsonObject } from "../checkpoint/text/json.ts";

/** The side that Stable Diffusion was trained on, in latent pixels. */
const TRAINED = 64;

/**
 * The config of Stable Diffusion's U-Net as diffusers' pipelines read it: before 0.9.0 its class said `sample_size` 32 where
 * nobody did, so that files of that time mean 64 by anything less.
 */
export function withTrainedSampleSize(config: unknown): unknown {
  if (!isJsonObject(config)) return config;
  const { sample_size: size, _diffusers_version: version } = config;
  const old = typeof version === "string" && /^0\.[0-8](\.|$)/.test(version);
  return old && Number.isInteger(size) && Number(size) < TRAINED ? { ...config, sample_size: TRAINED } : config;
}
