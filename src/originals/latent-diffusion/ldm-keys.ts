import type { VqModelConfig } from "../../models/autoencoder/vq-model.ts";
import type { UNetConfig, UNetLevel } from "../../models/unet/unet-types.ts";
import type { ModuleNames } from "../keys/module-names.ts";

const UNET_RESNET = {
  "in_layers.0": "norm1",
  "in_layers.2": "conv1",
  "emb_layers.1": "time_emb_proj",
  "out_layers.0": "norm2",
  "out_layers.3": "conv2",
  skip_connection: "conv_shortcut",
} as const;

const under = (from: string, to: string, names: Readonly<Record<string, string>>): [string, string][] =>
  Object.entries(names).map(([original, name]) => [`${from}.${original}`, `${to}.${name}`]);

/** The modules of the original `UNetModel`, whose blocks are counted through over the levels. */
export function ldmUNetKeys({ down, up }: Pick<UNetConfig, "down" | "up">): ModuleNames {
  const pairs: [string, string][] = [
    ["time_embed.0", "time_embedding.linear_1"],
    ["time_embed.2", "time_embedding.linear_2"],
    ["input_blocks.0.0", "conv_in"],
    ...under("middle_block.0", "mid_block.resnets.0", UNET_RESNET),
    ["middle_block.1", "mid_block.attentions.0"],
    ...under("middle_block.2", "mid_block.resnets.1", UNET_RESNET),
    ["out.0", "conv_norm_out"],
    ["out.2", "conv_out"],
  ];
  const layer = (from: string, to: string, index: number, { attention }: UNetLevel): void => {
    pairs.push(...under(`${from}.0`, `${to}.resnets.${index}`, UNET_RESNET));
    if (attention.kind !== "none") pairs.push([`${from}.1`, `${to}.attentions.${index}`]);
  };
  let input = 1; // the first is conv_in
  down.forEach((level, i) => {
    for (let j = 0; j < level.layers; j++) layer(`input_blocks.${input++}`, `down_blocks.${i}`, j, level);
    if (i < down.length - 1) pairs.push([`input_blocks.${input++}.0.op`, `down_blocks.${i}.downsamplers.0.conv`]);
  });
  let output = 0;
  up.forEach((level, i) => {
    for (let j = 0; j < level.layers; j++) layer(`output_blocks.${output++}`, `up_blocks.${i}`, j, level);
    const last = level.attention.kind === "none" ? 1 : 2; // the upsampler follows in the last layer's block
    if (i < up.length - 1) {
      pairs.push([`output_blocks.${output - 1}.${last}.conv`, `up_blocks.${i}.upsamplers.0.conv`]);
    }
  });
  return new Map(pairs);
}

const CODER_ATTENTION = { norm: "group_norm", q: "to_q", k: "to_k", v: "to_v", proj_out: "to_out.0" } as const;

/** The modules of the original first stage; the decoder's levels are counted from the finest there. */
export function ldmVqKeys({ channels, layers }: Pick<VqModelConfig, "channels" | "layers">): ModuleNames {
  const pairs: [string, string][] = [];
  const resnet = (from: string, to: string): void => {
    pairs.push([from, to], [`${from}.nin_shortcut`, `${to}.conv_shortcut`]);
  };
  const level = (from: string, to: string, blocks: number): void => {
    for (let j = 0; j < blocks; j++) {
      resnet(`${from}.block.${j}`, `${to}.resnets.${j}`);
      pairs.push(...under(`${from}.attn.${j}`, `${to}.attentions.${j}`, CODER_ATTENTION));
    }
  };
  for (const half of ["encoder", "decoder"]) {
    resnet(`${half}.mid.block_1`, `${half}.mid_block.resnets.0`);
    pairs.push(...under(`${half}.mid.attn_1`, `${half}.mid_block.attentions.0`, CODER_ATTENTION));
    resnet(`${half}.mid.block_2`, `${half}.mid_block.resnets.1`);
    pairs.push([`${half}.norm_out`, `${half}.conv_norm_out`]);
  }
  channels.forEach((_, i) => {
    level(`encoder.down.${i}`, `encoder.down_blocks.${i}`, layers);
    pairs.push([`encoder.down.${i}.downsample.conv`, `encoder.down_blocks.${i}.downsamplers.0.conv`]);
    const mirrored = channels.length - 1 - i;
    level(`decoder.up.${i}`, `decoder.up_blocks.${mirrored}`, layers + 1);
    pairs.push([`decoder.up.${i}.upsample.conv`, `decoder.up_blocks.${mirrored}.upsamplers.0.conv`]);
  });
  return new Map(pairs);
}
