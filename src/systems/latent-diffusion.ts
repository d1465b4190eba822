import { CheckpointError } from "../checkpoint/errors.ts";
import { nameOf } from "../checkpoint/files/place.ts";
import type { FileLike } from "../checkpoint/files.ts";
import { type OpenCheckpointOptions, openCheckpoint } from "../checkpoint/open-checkpoint.ts";
import { readTensor } from "../checkpoint/read-tensor.ts";
import { readYamlFile } from "../checkpoint/text/yaml-file.ts";
import type { Weights } from "../checkpoint/weights.ts";
import type { SchedulerConfig } from "../diffusion/scheduler-config.ts";
import { latentDiffusionConfig } from "../diffusion/schedules/original-schedules.ts";
import { type VqModelConfig, vqDecoder } from "../models/autoencoder/vq-model.ts";
import { unet } from "../models/unet/unet.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import { fittedWeights } from "../originals/keys/module-names.ts";
import { type LdmConfig, ldmConfig } from "../originals/latent-diffusion/ldm-config.ts";
import { ldmUNetKeys, ldmVqKeys } from "../originals/latent-diffusion/ldm-keys.ts";
import { latentDiffusionParts, PART_PREFIXES } from "../originals/latent-diffusion/ldm-parts.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { className, classNamed, isImageNetClass } from "./imagenet/classes.ts";
import type { Network } from "./stable-diffusion.ts";

/** A class-conditional latent diffusion model of the original code, described but not loaded. */
export interface LatentDiffusionModel {
  readonly path: string;
  readonly unet: Network<UNetConfig>;
  readonly firstStage: Network<VqModelConfig>;
  /** [classes, width]; the last class stands for none. */
  readonly classEmbedding: Tensor;
  readonly scheduler: SchedulerConfig<"DDIMScheduler">;
  readonly latentShape: LdmConfig["latentShape"];
  readonly classes: ClassNames;
}

/** What classes are called. */
export interface ClassNames {
  /** The id of the class that has this name; ids stand for themselves. */
  named(name: string | number): number;
  /** The usual name of a class; undefined where it has none. */
  nameOf(id: number): string | undefined;
}

/** Of ImageNet's classes, which all published models have. */
const IMAGENET: ClassNames = {
  named: classNamed,
  nameOf: (id) => (isImageNetClass(id) ? className(id) : undefined),
};

/** How a checkpoint of the original code is opened. */
export interface LatentDiffusionOptions extends OpenCheckpointOptions {
  /** Whether to prefer averaged weights where the file has both kinds; true unless told otherwise. */
  readonly ema?: boolean | undefined;
}

/** Opens a checkpoint of the original code with its YAML: reads the config, names and places of the weights. */
export async function openLatentDiffusion(
  checkpoint: FileLike,
  description: FileLike,
  { ema, ...opening }: LatentDiffusionOptions = {},
): Promise<LatentDiffusionModel> {
  const config = ldmConfig(await readYamlFile(description), nameOf(description));
  const { weights } = await openCheckpoint(checkpoint, opening);
  const path = nameOf(checkpoint);
  const parts = latentDiffusionParts(weights, path, ema);
  const [, height, width] = config.latentShape;
  const size = { batch: 1, height, width };
  const unetKeys = { map: ldmUNetKeys(config.unet), prefix: PART_PREFIXES.unet, path };
  const unetWeights = fittedWeights(parts.unet, unetKeys, (renamed) =>
    unet(config.unet, { ...size, contextLength: 1 }, renamed),
  );
  const firstStage = await withStoredScale(config, weights, path);
  const vqKeys = { map: ldmVqKeys(firstStage), prefix: PART_PREFIXES.firstStage, path };
  const vqWeights = fittedWeights(parts.firstStage, vqKeys, (renamed) => vqDecoder(firstStage, size, renamed));
  return {
    path,
    unet: { config: config.unet, weights: unetWeights },
    firstStage: { config: firstStage, weights: vqWeights },
    classEmbedding: await readClassEmbedding(config, parts.condition, path),
    scheduler: latentDiffusionConfig(config.schedule),
    latentShape: config.latentShape,
    classes: IMAGENET,
  };
}

/** Where the scale of latents was measured in training, the checkpoint has it. */
async function withStoredScale(
  { firstStage, scaleByDeviation }: LdmConfig,
  weights: Weights,
  path: string,
): Promise<VqModelConfig> {
  if (!scaleByDeviation) return firstStage;
  const stored = weights.get("scale_factor");
  const scale = stored && (await readTensor(stored)).data[0];
  if (!scale)
    throw new CheckpointError(`Cannot use "${path}": it lacks the "scale_factor" that "scale_by_std" calls for`);
  return { ...firstStage, scalingFactor: scale };
}

const EMBEDDING = "embedding.weight";

async function readClassEmbedding({ classes }: LdmConfig, weights: Weights, path: string): Promise<Tensor> {
  const key = `${PART_PREFIXES.condition}${EMBEDDING}`;
  const others = [...weights.keys()].filter((name) => name !== EMBEDDING);
  if (others.length > 0) {
    throw new CheckpointError(`Cannot use "${path}": it has no use for "${PART_PREFIXES.condition}${others[0]}"`);
  }
  const stored = weights.get(EMBEDDING);
  const required = [classes.count, classes.width];
  if (stored === undefined) throw new CheckpointError(`Cannot use "${path}": it lacks "${key}" [${required}]`);
  if (stored.shape.join() !== required.join()) {
    throw new CheckpointError(
      `Cannot use "${path}": "${key}" has shape [${stored.shape}] where [${required}] is required`,
    );
  }
  return readTensor(stored);
}
