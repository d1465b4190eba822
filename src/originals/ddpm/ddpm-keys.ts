import type { Weights } from "../../checkpoint/weights.ts";
import { WeightMismatchError } from "../../layers/scope.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";

/** A layer's name in the DDPM code and in diffusers. */
type Names = readonly [original: string, current: string];

/**
 * The weights of a checkpoint of the DDPM code under the names that diffusers gives them; refuses one that lacks a
 * weight or has one more than `config` calls for, by the name that the checkpoint uses.
 */
export function withDiffusersNames(weights: Weights, config: UNetConfig, source: string): Weights {
  const names = new Map(
    ddpmLayerNames(config).flatMap(([original, current]): Names[] =>
      ["weight", "bias"].map((part) => [`${original}.${part}`, `${current}.${part}`]),
    ),
  );
  const missing = [...names.keys()].filter((name) => !weights.has(name)).map((name) => `"${name}" is missing`);
  const leftover = [...weights.keys()].filter((name) => !names.has(name)).map((name) => `"${name}" is left over`);
  const problems = [...missing, ...leftover];
  if (problems.length > 0) {
    const more = problems.length > MOST_SHOWN ? `; and ${problems.length - MOST_SHOWN} more` : "";
    const shown = problems.slice(0, MOST_SHOWN).join("; ");
    throw new WeightMismatchError(`"${source}"`, `as a DDPM U-Net: ${shown}${more}`);
  }
  return new Map([...weights].map(([name, weight]) => [names.get(name) ?? name, weight]));
}

const MOST_SHOWN = 12;

/** Every layer of the network, all of which have a weight and a bias. */
export function ddpmLayerNames({ down }: UNetConfig): readonly Names[] {
  const last = down.length - 1;
  const levels = down.flatMap(({ channels, layers, attention }, level) => {
    // Down: the first block of a level changes the width. Up: every block takes a skip, so that all change it.
    const widens = (down[level - 1]?.channels ?? channels) !== channels;
    const attends = attention.kind !== "none";
    const [from, to] = [`down.${level}`, `down_blocks.${level}`];
    const [fromUp, toUp] = [`up.${level}`, `up_blocks.${last - level}`];
    return [
      ...range(layers).flatMap((i) => [
        ...resnet([`${from}.block.${i}`, `${to}.resnets.${i}`], widens && i === 0),
        ...(attends ? attention2d([`${from}.attn.${i}`, `${to}.attentions.${i}`]) : []),
      ]),
      ...(level < last ? [[`${from}.downsample.conv`, `${to}.downsamplers.0.conv`] as const] : []),
      ...range(layers + 1).flatMap((i) => [
        ...resnet([`${fromUp}.block.${i}`, `${toUp}.resnets.${i}`], true),
        ...(attends ? attention2d([`${fromUp}.attn.${i}`, `${toUp}.attentions.${i}`]) : []),
      ]),
      ...(level > 0 ? [[`${fromUp}.upsample.conv`, `${toUp}.upsamplers.0.conv`] as const] : []),
    ];
  });
  return [
    ["temb.dense.0", "time_embedding.linear_1"],
    ["temb.dense.1", "time_embedding.linear_2"],
    ["conv_in", "conv_in"],
    ...levels,
    ...resnet(["mid.block_1", "mid_block.resnets.0"], false),
    ...attention2d(["mid.attn_1", "mid_block.attentions.0"]),
    ...resnet(["mid.block_2", "mid_block.resnets.1"], false),
    ["norm_out", "conv_norm_out"],
    ["conv_out", "conv_out"],
  ];
}

const RESNET: readonly Names[] = [
  ["norm1", "norm1"],
  ["conv1", "conv1"],
  ["temb_proj", "time_emb_proj"],
  ["norm2", "norm2"],
  ["conv2", "conv2"],
];
const SHORTCUT: Names = ["nin_shortcut", "conv_shortcut"];
/** Projections are 1×1 convolutions in the original and linear layers in diffusers. */
const ATTENTION: readonly Names[] = [
  ["norm", "group_norm"],
  ["q", "to_q"],
  ["k", "to_k"],
  ["v", "to_v"],
  ["proj_out", "to_out.0"],
];

const resnet = (place: Names, hasShortcut: boolean): Names[] =>
  within(place, hasShortcut ? [...RESNET, SHORTCUT] : RESNET);
const attention2d = (place: Names): Names[] => within(place, ATTENTION);

const within = ([original, current]: Names, layers: readonly Names[]): Names[] =>
  layers.map(([from, to]) => [`${original}.${from}`, `${current}.${to}`]);

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
