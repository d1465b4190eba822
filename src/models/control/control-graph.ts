import { checkpointScope, type Scope } from "../../layers/scope.ts";
import { type Builder, type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { withCurrentNames } from "../key-names.ts";
import { inputsBy, type NetworkInputs } from "../unet/unet-blocks.ts";
import type { UNetConfig } from "../unet/unet-types.ts";
import { type ControlNetwork, controlImageName, controlReduction } from "./control-network.ts";
import { controlNet, type Residuals } from "./controlnet.ts";
import { t2iAdapter } from "./t2i-adapter.ts";

type ControlNet = Extract<ControlNetwork, { readonly kind: "controlnet" }>;
type T2iAdapter = Extract<ControlNetwork, { readonly kind: "t2i-adapter" }>;

/** A ControlNet in the graph of `builder`, all of its weights used. */
export const emitControlNet = (
  builder: Builder,
  { config, weights }: ControlNet,
  image: Value,
  inputs: NetworkInputs,
): Residuals =>
  emit(builder, { weights: weights && withCurrentNames(weights), model: "a ControlNet" }, (root) =>
    controlNet(root, config, image, inputs),
  );

/** A T2I-Adapter in the graph of `builder`, all of its weights used. */
export const emitT2iAdapter = (builder: Builder, { config, weights }: T2iAdapter, image: Value): readonly Value[] =>
  emit(builder, { weights, model: "a T2I-Adapter" }, (root) => t2iAdapter(root, config, image));

interface Checkpoint extends Pick<ControlNetwork, "weights"> {
  /** For messages. */
  readonly model: string;
}

function emit<T>(builder: Builder, { weights, model }: Checkpoint, make: (root: Scope) => T): T {
  const { root, check } = checkpointScope(builder, weights);
  const made = make(root);
  check(model);
  return made;
}

/** Of a latent, in a graph that is looked at for its weights. */
const SIDE = 8;

/** A control network by itself, beside a U-Net of `config`, at a size for its weights alone. */
export function controlGraph(network: ControlNetwork, { contextWidth }: UNetConfig): Graph {
  const builder = graphBuilder(network.kind);
  const side = SIDE * controlReduction(network);
  const image = builder.input(controlImageName(0), "F32", [1, network.config.hintChannels, side, side]);
  if (network.kind === "t2i-adapter") {
    const features = emitT2iAdapter(builder, network, image);
    return builder.finish(Object.fromEntries(features.map((feature, i) => [`feature_${i}`, feature])));
  }
  const given = inputsBy(builder);
  const inputs = {
    sample: given("sample", "F32", [1, network.config.unet.inChannels, SIDE, SIDE]),
    timestep: given("timestep", "F32", [1]),
    context: contextWidth === undefined ? undefined : given("encoder_hidden_states", "F32", [1, 1, contextWidth]),
    ...{ batch: 1, given },
  };
  const { skips, middle } = emitControlNet(builder, network, image, inputs);
  return builder.finish({ ...Object.fromEntries(skips.map((skip, i) => [`skip_${i}`, skip])), middle });
}
