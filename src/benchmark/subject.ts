import { ensureFile } from "../checkpoint/files/ensure-file.ts";
import { nodeFiles } from "../checkpoint/files/node.ts";
import { openCheckpoint } from "../checkpoint/open-checkpoint.ts";
import type { Weights } from "../checkpoint/weights.ts";
import type { Conditioning } from "../denoisers/evaluation.ts";
import { readSchedulerConfig, type SchedulerConfig } from "../diffusion/scheduler-config.ts";
import { architecture } from "../models/architectures.ts";
import { type ControlNetwork, controlNetFor } from "../models/control/control-network.ts";
import { type UNet, type UNetShape, unet } from "../models/unet/unet.ts";
import { unetConfig } from "../models/unet/unet-config.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import type { Feed } from "../runtime/runtime.ts";
import type { OpenedModel } from "../systems/open-model.ts";
import { elementCount } from "../tensor/tensor.ts";
import { torchGenerator } from "../tensor/torch-generator.ts";
import { controlWeightShapes, randomWeights, unetWeightShapes, type WeightDtype } from "./random-weights.ts";

/** A U-Net to be measured: described, with weights on disk. */
export interface Subject {
  readonly name: string;
  readonly config: UNetConfig;
  readonly weights: Weights;
  /** Whose noise schedule runs follow. */
  readonly scheduler: SchedulerConfig;
  readonly shape: UNetShape;
  /** What steers it in the same graph. */
  readonly controls?: readonly ControlNetwork[] | undefined;
}

/** The size to measure at; the model's own where left out. */
export interface SubjectSize {
  readonly batch: number;
  /** In latent pixels. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** The schedule that most models were trained with; how long a run takes does not depend on it. */
const LINEAR_SCHEDULE = { _class_name: "DDIMScheduler", beta_schedule: "linear", beta_start: 0.0001, beta_end: 0.02 };

/** Where the random weights of built-in architectures lie, and how they are made. */
export interface RandomWeightOptions {
  readonly dtype: WeightDtype;
  readonly folder: string;
  /** Whether a ControlNet of the U-Net's own widths steers it. */
  readonly steered?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A built-in architecture with random weights, which are written first where they are not in the folder. */
export async function architectureSubject(
  name: string,
  size: SubjectSize,
  { dtype, folder, steered = false, signal }: RandomWeightOptions,
): Promise<{ readonly subject: Subject; readonly made: boolean }> {
  const { unet: json, contextLength } = architecture(name);
  const config = unetConfig(json, name);
  const shape = sized(config, size, contextLength);
  unet(config, shape); // refuses an impossible size before anything is written
  const files = nodeFiles(folder);
  const file = `${name}-${dtype}.safetensors`;
  const made = await ensureFile(files, file, () => randomWeights(unetWeightShapes(config), dtype, signal));
  const { weights } = await openCheckpoint(await files.open(file));
  const subject = { name, config, weights, scheduler: readSchedulerConfig(LINEAR_SCHEDULE), shape };
  if (!steered) return { subject, made };
  const network = controlNetFor(config);
  const control = `${name}-controlnet-${dtype}.safetensors`;
  const madeToo = await ensureFile(files, control, () =>
    randomWeights(controlWeightShapes(network, config), dtype, signal),
  );
  const controls = [{ ...network, weights: (await openCheckpoint(await files.open(control))).weights }];
  return { subject: { ...subject, name: `${name} with a ControlNet`, controls }, made: made || madeToo };
}

/** The U-Net of an opened model. */
export function modelSubject(name: string, { kind, model }: OpenedModel, size: SubjectSize): Subject {
  const { unet: network, scheduler } = model;
  const controls = "controls" in model ? model.controls?.map((control) => control.network) : undefined;
  const shape = sized(network.config, size, kind === "class-to-image" ? 1 : undefined);
  return { name, config: network.config, weights: network.weights, scheduler, shape, controls };
}

function sized(config: UNetConfig, { batch, width, height }: SubjectSize, contextLength = 77): UNetShape {
  const [ownHeight, ownWidth] = config.sampleSize ?? [64, 64];
  return { batch, height: height ?? ownHeight, width: width ?? ownWidth, contextLength };
}

/** The network's graph, prepared for a cut at a branch, with weights. */
export const networkOf = ({ config, shape, weights, controls = [] }: Subject, branch?: number): UNet =>
  unet(config, { ...shape, hoist: branch }, weights, { networks: controls });

/** Shape of the sample that the network sees. */
export const sampleShape = ({ config, shape }: Subject): [number, number, number, number] => [
  shape.batch,
  config.inChannels,
  shape.height,
  shape.width,
];

/** What the network takes beside sample and timestep: random numbers, since time does not depend on them, and class 0. */
export function conditioningOf(subject: Subject): Conditioning {
  const generator = torchGenerator(1);
  const { graph } = networkOf(subject);
  const feeds = [...graph.inputs].flatMap(([name, { dtype, shape }]): (readonly [string, Feed])[] => {
    if (name === "sample" || name === "timestep") return [];
    return [[name, dtype === "I64" ? { data: new BigInt64Array(elementCount(shape)), shape } : generator.randn(shape)]];
  });
  return Object.fromEntries(feeds);
}
