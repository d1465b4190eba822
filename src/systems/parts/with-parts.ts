import { nameOf } from "../../checkpoint/files/place.ts";
import { reduction } from "../../models/autoencoder/image-coder.ts";
import { type ModelLocation, modelName } from "../model-location.ts";
import type { StableDiffusionModel } from "../stable-diffusion.ts";
import { openAutoencoder } from "./autoencoder.ts";
import { openControl } from "./control.ts";
import { openRefiner } from "./refiner.ts";
import { openTinyAutoencoder } from "./tiny-autoencoder.ts";

/** `model` with parts from elsewhere, each of which has to go with it. */
export async function withParts(
  model: StableDiffusionModel,
  { controls = [], vae, tinyVae, refiner, tokenizer, cacheFolder, onProgress, signal }: Omit<ModelLocation, "path">,
): Promise<StableDiffusionModel> {
  const options = { cacheFolder, onProgress, signal };
  const own = { name: model.folder, vae: model.vae.config };
  const steerable = { name: model.folder, unet: model.unet.config, factor: reduction(model.vae.config) };
  return {
    ...model,
    vaeNames: { vae: vae && modelName(nameOf(vae)), tinyVae: tinyVae && modelName(nameOf(tinyVae)) },
    ...(vae === undefined ? {} : { vae: await openAutoencoder(vae, own, options) }),
    ...(tinyVae === undefined ? {} : { tinyVae: await openTinyAutoencoder(tinyVae, own, options) }),
    ...(refiner === undefined
      ? {}
      : {
          refiner: await openRefiner(
            refiner,
            { ...own, isBase: model.second !== undefined },
            { ...options, tokenizer },
          ),
        }),
    ...(controls.length === 0
      ? {}
      : { controls: await Promise.all(controls.map((control) => openControl(control, steerable, options))) }),
  };
}
