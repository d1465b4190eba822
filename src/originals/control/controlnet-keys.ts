import type { Weights } from "../../checkpoint/weights.ts";
import { compvisUnetName } from "../stable-diffusion/keys/compvis-unet.ts";

/** Before the names of a ControlNet in files that were cut from a whole model. */
const PREFIX = "control_model.";

/** Whether weights have the names of the original ControlNet. */
export const isOriginalControlNet = (weights: Weights): boolean =>
  weights.has("input_hint_block.0.weight") || weights.has(`${PREFIX}input_hint_block.0.weight`);

/**
 * The same weights in diffusers' names, as far as they are known; `layers` are those of each level of the way down. What
 * stands beside the ControlNet in a file with a prefix, such as the model that it was trained on, is left out.
 */
export function diffusersControlNet(weights: Weights, layers: readonly number[]): Weights {
  const names = [...weights.keys()];
  const prefix = names.some((name) => name.startsWith(PREFIX)) ? PREFIX : "";
  const own = names.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  const last = Math.max(...own.map((name) => Number(HINT.exec(name)?.[1] ?? 0)));
  return new Map(
    own.flatMap((name) => {
      const weight = weights.get(prefix + name);
      return weight === undefined ? [] : [[controlNetName(name, last, layers) ?? name, weight] as const];
    }),
  );
}

const HINT = /^input_hint_block\.(\d+)\.(.+)$/;

/** `last` is the number of the picture encoder's last convolution; activations have every other one. */
function controlNetName(key: string, last: number, layers: readonly number[]): string | undefined {
  const [, number, parameter] = HINT.exec(key) ?? [];
  if (number !== undefined) {
    const place = Number(number);
    const part = place === 0 ? "conv_in" : place === last ? "conv_out" : `blocks.${place / 2 - 1}`;
    return `controlnet_cond_embedding.${part}.${parameter}`;
  }
  const [, skip, rest] = /^zero_convs\.(\d+)\.0\.(.+)$/.exec(key) ?? [];
  if (skip !== undefined) return `controlnet_down_blocks.${skip}.${rest}`;
  const [, ofMiddle] = /^middle_block_out\.0\.(.+)$/.exec(key) ?? [];
  return ofMiddle === undefined ? compvisUnetName(key, layers) : `controlnet_mid_block.${ofMiddle}`;
}
