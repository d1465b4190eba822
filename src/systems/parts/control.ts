import { quote } from "../../checkpoint/bytes/limits.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import { nameOf, openPlace } from "../../checkpoint/files/place.ts";
import { type FileLike, type Files, type FolderLike, isFiles } from "../../checkpoint/files.ts";
import { type ComponentOptions, openComponent } from "../../checkpoint/folder/component.ts";
import { openCheckpoint } from "../../checkpoint/open-checkpoint.ts";
import { unwrapped } from "../../checkpoint/unwrapped.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import { controlGraph } from "../../models/control/control-graph.ts";
import { type ControlNetwork, controlReduction } from "../../models/control/control-network.ts";
import { controlNetConfig } from "../../models/control/controlnet-config.ts";
import { t2iAdapterConfig } from "../../models/control/t2i-adapter.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";
import { diffusersControlNet, isOriginalControlNet } from "../../originals/control/controlnet-keys.ts";
import { describeT2iAdapter, isT2iAdapter } from "../../originals/control/t2i-adapter-keys.ts";
import { checkFit } from "../../originals/keys/check-fit.ts";
import { modelName } from "../model-location.ts";

/** A network that steers a model by a picture, described but not loaded. */
export interface Control {
  /** For people. */
  readonly name: string;
  readonly network: ControlNetwork;
}

/** The model that a control network is opened for. */
export interface Steerable {
  readonly name: string;
  readonly unet: UNetConfig;
  /** How many pixels along a side make one of the latent; not looked at where left out. */
  readonly factor?: number;
}

/**
 * Opens a ControlNet or a T2I-Adapter for a model: a folder of diffusers, or a file in diffusers' or the original names,
 * which is taken to have the model's own settings.
 */
export async function openControl(
  path: FolderLike | FileLike,
  model: Steerable,
  options: Omit<ComponentOptions, "variant"> = {},
): Promise<Control> {
  const place = await openPlace(path, "the control network");
  const name = nameOf(place);
  const network = isFiles(place)
    ? await openFolder(place, options)
    : describeFile(unwrapped((await openCheckpoint(place, options)).weights), name, model);
  requireFit(network, name, model, isFiles(place) ? undefined : network.weights);
  return { name: modelName(name), network };
}

async function openFolder(files: Files, options: ComponentOptions): Promise<ControlNetwork> {
  const { config, configPath, weights } = await openComponent(files, options);
  switch (config["_class_name"]) {
    case "ControlNetModel":
      return { kind: "controlnet", config: controlNetConfig(config, configPath), weights };
    case "T2IAdapter":
      return { kind: "t2i-adapter", config: t2iAdapterConfig(config, configPath), weights };
    default:
      throw new CheckpointError(
        `Cannot open "${files.name}" as a control network: its class is ${quote(config["_class_name"])}, ` +
          '"ControlNetModel" or "T2IAdapter" is required',
        { code: "MODEL_UNSUPPORTED" },
      );
  }
}

function describeFile(weights: Weights, name: string, { unet: own }: Steerable): ControlNetwork {
  if (isT2iAdapter(weights)) {
    const { config, weights: named } = describeT2iAdapter(weights);
    const { channels, blocks, downscale } = config;
    const isSquare = Number.isInteger(downscale) && downscale > 0;
    if (isSquare && channels.length > 0 && blocks > 0) return { kind: "t2i-adapter", config, weights: named };
    const reason = isSquare ? "a level has no block" : '"conv_in.weight" takes no square of pixels';
    throw new CheckpointError(`Cannot open "${name}" as a T2I-Adapter: ${reason}`, { code: "MODEL_UNSUPPORTED" });
  }
  const named = isOriginalControlNet(weights)
    ? diffusersControlNet(
        weights,
        own.down.map(({ layers }) => layers),
      )
    : weights;
  const hint = (part: string): readonly number[] => named.get(`controlnet_cond_embedding.${part}.weight`)?.shape ?? [];
  const [first, hintChannels] = hint("conv_in");
  if (first === undefined || hintChannels === undefined) {
    throw new CheckpointError(
      `Cannot open "${name}" as a control network: it has neither the tensors of a ControlNet nor of a T2I-Adapter`,
      { code: "MODEL_UNSUPPORTED" },
    );
  }
  const hintWidths = [first];
  for (let block = 1; hint(`blocks.${block}`).length > 0; block += 2) hintWidths.push(hint(`blocks.${block}`)[0] ?? 0);
  const inChannels = named.get("conv_in.weight")?.shape[1] ?? own.inChannels;
  const config = { unet: { ...own, inChannels, timeConditionWidth: undefined }, hintChannels, hintWidths };
  return { kind: "controlnet", config: { ...config, blueFirst: false, pooled: false }, weights: named };
}

/**
 * Refuses a network that another kind of U-Net was steered by, before anything runs. A file without settings was taken to
 * have the model's; its tensors, then, tell what it was made for.
 */
function requireFit(network: ControlNetwork, name: string, model: Steerable, telling: Weights | undefined): void {
  const refuse = (reason: string): CheckpointError =>
    new CheckpointError(`Cannot steer "${model.name}" by "${name}": ${reason}`, { code: "MODEL_UNSUPPORTED" });
  const own = widthsOf(model.unet);
  const found =
    network.kind === "controlnet" ? (foundWidths(telling) ?? widthsOf(network.config.unet)) : adapterWidths(network);
  const required = network.kind === "controlnet" ? own : own.slice(0, found.length);
  if (found.join() !== required.join()) {
    throw refuse(`its levels are ${found.join(", ")} channels wide, those of the model's U-Net ${own.join(", ")}`);
  }
  if (network.kind === "controlnet") {
    const { contextWidth, inChannels } = network.config.unet;
    const context = foundContext(telling) ?? contextWidth;
    if (context !== model.unet.contextWidth) {
      throw refuse(`it takes prompts of width ${context}, the model's are ${model.unet.contextWidth} wide`);
    }
    if (inChannels > model.unet.inChannels) {
      throw refuse(`it sees ${inChannels} channels, the model's U-Net ${model.unet.inChannels}`);
    }
  }
  const factor = controlReduction(network);
  if (model.factor !== undefined && factor !== model.factor) {
    throw refuse(`it makes pictures ${factor} times smaller, the model's autoencoder ${model.factor} times`);
  }
  checkFit(`"${name}"`, () => controlGraph(network, model.unet));
}

const widthsOf = ({ down }: UNetConfig): readonly number[] => down.map(({ channels }) => channels);

/** What adds to levels in turn; some have a feature for the middle besides. */
const adapterWidths = ({ config }: Extract<ControlNetwork, { readonly kind: "t2i-adapter" }>): readonly number[] =>
  config.kind === "full-xl" ? config.channels.slice(0, -1) : config.channels;

/** Of a file's own tensors, which tell a file without settings from one for another model. */
function foundWidths(weights: Weights | undefined): readonly number[] | undefined {
  const widths: number[] = [];
  for (;;) {
    const width = weights?.get(`down_blocks.${widths.length}.resnets.0.conv1.weight`)?.shape[0];
    if (width === undefined) return widths.length === 0 ? undefined : widths;
    widths.push(width);
  }
}

const foundContext = (weights: Weights | undefined): number | undefined =>
  [...(weights ?? [])].find(([name]) => name.endsWith(".attn2.to_k.weight"))?.[1].shape[1];
