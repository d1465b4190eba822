import { silu } from "../../layers/activations.ts";
import { conv2d } from "../../layers/conv2d.ts";
import type { Scope } from "../../layers/scope.ts";
import type { Value } from "../../onnx/graph.ts";
import { planeMeans, reshape, sizeOf } from "../../onnx/ops.ts";
import { entry } from "../../tensor/tensor.ts";
import { embedTime, layerEmitter, type NetworkInputs } from "../unet/unet-blocks.ts";
import { wayDown } from "../unet/way-down.ts";
import type { ControlNetConfig } from "./control-network.ts";

/** What is added to a U-Net's skips, in their order, and to its middle. */
export interface Residuals {
  readonly skips: readonly Value[];
  readonly middle: Value;
}

/**
 * A ControlNet (Zhang, Rao & Agrawala 2023): the way down and the middle of a U-Net on the sample and an encoded picture,
 * with a 1×1 convolution behind each skip.
 */
export function controlNet(root: Scope, config: ControlNetConfig, image: Value, inputs: NetworkInputs): Residuals {
  const { unet, pooled } = config;
  const layers = layerEmitter(unet, silu(embedTime(root, unet, inputs)), inputs.context);
  const hint = encodeHint(root.at("controlnet_cond_embedding"), image, config);
  const { skips, deepest } = wayDown(root, unet, layers, { sample: inputs.sample, hint });
  const middle = layers.middle(root.at("mid_block"), deepest);
  const residual = (scope: Scope, value: Value): Value => {
    const y = conv2d(scope, value, sizeOf(value, 1));
    return pooled ? reshape(planeMeans(y), [sizeOf(y, 0), sizeOf(y, 1), 1, 1]) : y;
  };
  return {
    skips: skips.map((skip, i) => residual(root.at(`controlnet_down_blocks.${i}`), skip)),
    middle: residual(root.at("controlnet_mid_block"), middle),
  };
}

/** The picture in the size of the latent. */
function encodeHint(scope: Scope, image: Value, { hintWidths, unet }: ControlNetConfig): Value {
  const three = { kernel: 3, padding: 1 };
  let h = silu(conv2d(scope.at("conv_in"), image, entry(hintWidths, 0), three));
  hintWidths.slice(1).forEach((width, i) => {
    h = silu(conv2d(scope.at(`blocks.${2 * i}`), h, sizeOf(h, 1), three));
    h = silu(conv2d(scope.at(`blocks.${2 * i + 1}`), h, width, { ...three, stride: 2 }));
  });
  return conv2d(scope.at("conv_out"), h, entry(unet.down, 0).channels, three);
}
