import { locate } from "../../keys/levels.ts";

const ENDS: ReadonlyMap<string, string> = new Map([
  ["time_embed.0", "time_embedding.linear_1"],
  ["time_embed.2", "time_embedding.linear_2"],
  ["label_emb.0.0", "add_embedding.linear_1"],
  ["label_emb.0.2", "add_embedding.linear_2"],
  ["input_blocks.0.0", "conv_in"],
  ["out.0", "conv_norm_out"],
  ["out.2", "conv_out"],
]);

const RESNET: ReadonlyMap<string, string> = new Map([
  ["in_layers.0", "norm1"],
  ["in_layers.2", "conv1"],
  ["emb_layers.1", "time_emb_proj"],
  ["out_layers.0", "norm2"],
  ["out_layers.3", "conv2"],
  ["skip_connection", "conv_shortcut"],
]);

/**
 * The name that diffusers gives to a tensor of CompVis' `UNetModel`, or undefined for what that class does not have.
 * It counts blocks through the whole way down and up, diffusers level by level, so `layers` of every level are needed.
 */
export function compvisUnetName(key: string, layers: readonly number[]): string | undefined {
  const [, owner = "", parameter = ""] = /^(.+)\.(weight|bias)$/.exec(key) ?? [];
  const end = ENDS.get(owner);
  if (end !== undefined) return `${end}.${parameter}`;
  const [, side, first = "", second = "", rest = ""] =
    /^(input|output|middle)_blocks?\.(\d+)\.(?:(\d+)\.)?(.+)$/.exec(key) ?? [];
  switch (side) {
    case "input":
      return first === "0" ? undefined : inputName(Number(first) - 1, second, rest, layers);
    case "output":
      return outputName(Number(first), second, rest, layers);
    case "middle":
      return middleName(first, second === "" ? rest : `${second}.${rest}`);
    default:
      return undefined;
  }
}

function inputName(block: number, part: string, rest: string, layers: readonly number[]): string | undefined {
  const place = locate(
    block,
    layers.map((count) => count + 1),
  ); // and a downsampler
  if (place === undefined) return undefined;
  const { level, index } = place;
  if (part === "0" && rest.startsWith("op.")) return `down_blocks.${level}.downsamplers.0.conv.${rest.slice(3)}`;
  return layerName(`down_blocks.${level}`, index, part, rest);
}

function outputName(block: number, part: string, rest: string, layers: readonly number[]): string | undefined {
  const place = locate(
    block,
    layers.toReversed().map((count) => count + 1),
  );
  if (place === undefined) return undefined;
  const { level, index } = place;
  if (part !== "0" && rest.startsWith("conv.")) return `up_blocks.${level}.upsamplers.0.${rest}`;
  return layerName(`up_blocks.${level}`, index, part, rest);
}

function middleName(part: string, rest: string): string | undefined {
  if (part === "1") return `mid_block.attentions.0.${rest}`;
  const resnet = part === "0" || part === "2" ? resnetName(rest) : undefined;
  return resnet && `mid_block.resnets.${part === "0" ? 0 : 1}.${resnet}`;
}

function layerName(block: string, index: number, part: string, rest: string): string | undefined {
  if (part === "1") return `${block}.attentions.${index}.${rest}`;
  const resnet = part === "0" ? resnetName(rest) : undefined;
  return resnet && `${block}.resnets.${index}.${resnet}`;
}

function resnetName(rest: string): string | undefined {
  const [, owner = "", parameter] = /^(.+)\.(weight|bias)$/.exec(rest) ?? [];
  const name = RESNET.get(owner);
  return name && `${name}.${parameter}`;
}
