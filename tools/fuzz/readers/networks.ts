import { openEmbedding } from "../../../src/adapters/embedding/open-embedding.ts";
import { joinPieces } from "../../../src/checkpoint/bytes/join-pieces.ts";
import { memoryFiles } from "../../../src/checkpoint/files/memory.ts";
import { encodeSafetensors } from "../../../src/checkpoint/safetensors/encode-safetensors.ts";
import { autoencoderDecoder, autoencoderKlConfig } from "../../../src/models/autoencoder/autoencoder-kl.ts";
import { clipTextConfig, clipTextModel } from "../../../src/models/clip/clip-text.ts";
import { unet } from "../../../src/models/unet/unet.ts";
import { unetConfig } from "../../../src/models/unet/unet-config.ts";
import { openSingleFile } from "../../../src/originals/stable-diffusion/single-file.ts";
import { openModel } from "../../../src/systems/open-model.ts";
import { openAutoencoder } from "../../../src/systems/parts/autoencoder.ts";
import { openControl } from "../../../src/systems/parts/control.ts";
import { openTinyAutoencoder } from "../../../src/systems/parts/tiny-autoencoder.ts";
import { withAdapters } from "../../../src/systems/parts/with-adapters.ts";
import type { StableDiffusionModel } from "../../../src/systems/stable-diffusion.ts";
import { modelFiles } from "../makers/networks.ts";
import { CASE, parted, type Reader, sourceOf } from "../reader.ts";

const opened = async (files: Readonly<Record<string, Uint8Array>>) =>
  await openModel({ path: memoryFiles(files, CASE), tokenizer: memoryFiles({}, "tokenizer") });

let known: Promise<StableDiffusionModel> | undefined;

/** The model that adapters and parts are opened for. */
async function base(): Promise<StableDiffusionModel> {
  known ??= opened(modelFiles("sd15")).then(({ kind, model }) => {
    if (kind === "text-to-image") return model;
    throw new Error("The fixture is another model");
  });
  return await known;
}

const SMALL = { batch: 1, height: 8, width: 8 } as const;

/** Everything that reads weights for the networks of a model. */
export const NETWORK_READERS = {
  async lora(bytes) {
    const { model } = await withAdapters(await base(), { loras: [{ path: sourceOf(bytes) }] });
    unet(model.unet.config, { ...SMALL, contextLength: 4 }, model.unet.weights);
    clipTextModel(model.textEncoder.config, { batch: 1, length: 8 }, model.textEncoder.weights);
  },
  async "lora-settings"(bytes) {
    const files = { "adapter_config.json": bytes, "adapter_model.safetensors": await PLAIN_LORA };
    await withAdapters(await base(), { loras: [{ path: memoryFiles(files, CASE) }] });
  },
  async embedding(bytes) {
    await openEmbedding(sourceOf(bytes), { name: "model", widths: [(await base()).textEncoder.config.width] });
  },
  async "vae-file"(bytes) {
    const { folder, vae } = await base();
    await openAutoencoder(sourceOf(bytes), { name: folder, vae: vae.config });
  },
  async "taesd-file"(bytes) {
    const { folder, vae } = await base();
    await openTinyAutoencoder(sourceOf(bytes), { name: folder, vae: vae.config });
  },
  async "control-file"(bytes) {
    await openControl(sourceOf(bytes), { name: "model", unet: (await base()).unet.config });
  },
  async "single-file"(bytes) {
    const file = await openSingleFile(sourceOf(bytes));
    unet(unetConfig(file.unet.config, CASE), { ...SMALL, contextLength: 4 }, file.unet.weights);
    autoencoderDecoder(autoencoderKlConfig(file.vae.config, CASE), SMALL, file.vae.weights);
    for (const { config, weights } of file.textEncoders)
      clipTextModel(clipTextConfig(config, CASE), { batch: 1, length: 8 }, weights);
  },
  async "model-folder"(bytes) {
    const [place, content] = parted(bytes);
    const [model = "", ...path] = place.split("/");
    await opened({ ...modelFiles(model), [path.join("/")]: content });
  },
} as const satisfies Readonly<Record<string, Reader>>;

const ONES = (shape: readonly number[]) => ({
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1),
  shape,
});
const MODULE = "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";

/** Of rank 2, for a layer of the model's. */
const PLAIN_LORA = base().then(async ({ unet: { weights } }) => {
  const [rows = 1, columns = 1] = weights.get(`${MODULE.replace("base_model.model.", "")}.weight`)?.shape ?? [];
  return await joinPieces(
    encodeSafetensors({
      [`${MODULE}.lora_A.weight`]: ONES([2, columns]),
      [`${MODULE}.lora_B.weight`]: ONES([rows, 2]),
    }),
  );
});
