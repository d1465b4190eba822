import type { Sampler } from "../../diffusion/sampler.ts";
import { imagesToSamples } from "../../image/samples.ts";
import { reduction } from "../../models/autoencoder/image-coder.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { FAMILIES } from "../../systems/published-defaults.ts";
import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import { concatenate, repeatRow } from "../../tensor/concatenate.ts";
import { linearCombination } from "../../tensor/linear-combination.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type LatentEncoder, loadLatentEncoder } from "../latents/latent-encoder.ts";
import type { TileGrid } from "../latents/tiling.ts";
import type { RunStart, Starter, StartOptions } from "../run/task.ts";
import type { Source } from "./image-source.ts";
import { blend, latentMask, maskOf, withoutMasked } from "./inpainting-mask.ts";

/** Encodes what `source` shows; the encoder is released before the start is drawn. */
export async function prepareStart(
  runtime: Runtime,
  model: StableDiffusionModel,
  source: Source,
  tiling?: TileGrid,
): Promise<Starter> {
  // As in diffusers, a picture that is painted over goes without statistics.
  const standardize = source.kind === "image" && FAMILIES[model.family].latentStatistics;
  const encoder = (): LatentEncoder => loadLatentEncoder(runtime, model, { tiling, standardize });
  switch (source.kind) {
    case "noise":
      return ({ sampler, shape, noise }) => ({ start: scaledNoise(sampler, noise(shape)) });
    case "image":
      return await startFromImage(encoder, source);
    case "latents":
      return ({ sampler, begin, shape, noise }) => ({
        start: sampler.addNoise(forAll(source.latents, shape), noise(shape), begin),
      });
    case "inpaint":
      return model.sees === "inpainting"
        ? await startInpaintingModel(encoder, model, source)
        : await startRevised(encoder, model, source);
  }
}

type ImageSource = Extract<Source, { readonly kind: "image" | "inpaint" }>;
type InpaintSource = Extract<Source, { readonly kind: "inpaint" }>;

async function startFromImage(loadEncoder: () => LatentEncoder, { image }: ImageSource): Promise<Starter> {
  await using encoder = loadEncoder();
  const drawClean = await encoder.encode(imagesToSamples([image]));
  return ({ sampler, begin, shape, noise, draws }) => {
    const clean = forAll(drawClean(noise, draws), shape);
    return { start: sampler.addNoise(clean, noise(shape), begin) };
  };
}

/** For a U-Net that sees the mask and what it leaves of the image. */
async function startInpaintingModel(
  loadEncoder: () => LatentEncoder,
  model: StableDiffusionModel,
  source: InpaintSource,
) {
  const { image, strength } = source;
  const mask = maskOf(source.mask);
  const samples = imagesToSamples([image]);
  await using encoder = loadEncoder();
  const drawClean = strength === 1 ? undefined : await encoder.encode(samples);
  const drawMasked = await encoder.encode(withoutMasked(samples, mask));
  const smallMask = latentMask(mask, reduction(model.vae.config));
  return ({ sampler, begin, shape, noise, draws }: StartOptions): RunStart => {
    const clean = drawClean && forAll(drawClean(noise, draws), shape);
    const deviates = noise(shape);
    const start = clean ? sampler.addNoise(clean, deviates, begin) : scaledNoise(sampler, deviates);
    const masked = drawMasked(noise, draws);
    return { start, channels: forAll(concatenate([repeatRow(smallMask, draws), masked], 1), shape) };
  };
}

/** For any other U-Net: after every evaluation, what is to stay is put back as noisy as the rest. */
async function startRevised(
  loadEncoder: () => LatentEncoder,
  model: StableDiffusionModel,
  source: InpaintSource,
): Promise<Starter> {
  const { image, strength } = source;
  await using encoder = loadEncoder();
  const drawClean = await encoder.encode(imagesToSamples([image]));
  const mask = latentMask(maskOf(source.mask), reduction(model.vae.config));
  return ({ sampler, begin, shape, noise, draws }) => {
    const clean = forAll(drawClean(noise, draws), shape);
    const deviates = noise(shape);
    const start = strength === 1 ? scaledNoise(sampler, deviates) : sampler.addNoise(clean, deviates, begin);
    noise([draws, ...shape.slice(1)]); // for the masked image, which the reference encodes without a use for it
    const known = (index: number): Tensor =>
      index < sampler.timesteps.length ? sampler.addNoise(clean, deviates, index) : clean;
    return { start, revise: (sample, evaluation) => blend(mask, sample, known(begin + evaluation + 1)) };
  };
}

const scaledNoise = ({ initialNoiseScale }: Sampler, noise: Tensor): Tensor =>
  linearCombination([initialNoiseScale, noise]);

/** Rows as they are where each image has one, or one row for all images of the batch. */
const forAll = (rows: Tensor, [images = 1]: readonly number[]): Tensor =>
  rows.shape[0] === images ? rows : repeatRow(rows, images);
