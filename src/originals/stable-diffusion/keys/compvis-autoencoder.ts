const ATTENTION: ReadonlyMap<string, string> = new Map([
  ["norm", "group_norm"],
  ["q", "to_q"],
  ["k", "to_k"],
  ["v", "to_v"],
  ["proj_out", "to_out.0"],
]);

/**
 * The name that diffusers gives to a tensor of CompVis' autoencoder, or undefined for what that class does not have.
 * The decoder's levels are counted from the finest there and from the coarsest here. The 1×1 kernels of the attention
 * keep their four sizes.
 */
export function compvisAutoencoderName(key: string, levels: number): string | undefined {
  if (/^(post_)?quant_conv\./.test(key)) return key;
  const [, half = "", rest = ""] = /^(encoder|decoder)\.(.+)$/.exec(key) ?? [];
  const name = rest === "" ? undefined : halfName(rest, half === "encoder" ? "down" : "up", levels);
  return name && `${half}.${name}`;
}

function halfName(key: string, side: "down" | "up", levels: number): string | undefined {
  const [, place, rest = ""] =
    /^(conv_in|norm_out|conv_out|mid\.block_[12]|mid\.attn_1|(?:up|down)\.\d+)\.(.+)$/.exec(key) ?? [];
  switch (place) {
    case undefined:
      return undefined;
    case "conv_in":
    case "conv_out":
      return key;
    case "norm_out":
      return `conv_norm_out.${rest}`;
    case "mid.block_1":
    case "mid.block_2":
      return `mid_block.resnets.${place.endsWith("1") ? 0 : 1}.${resnetName(rest)}`;
    case "mid.attn_1":
      return attentionName(rest);
    default:
      return levelName(place, rest, side, levels);
  }
}

function attentionName(key: string): string | undefined {
  const [, owner = "", parameter] = /^(\w+)\.(weight|bias)$/.exec(key) ?? [];
  const name = ATTENTION.get(owner);
  return name && `mid_block.attentions.0.${name}.${parameter}`;
}

function levelName(place: string, key: string, side: "down" | "up", levels: number): string | undefined {
  const [where, number] = place.split(".");
  const level = side === "down" ? Number(number) : levels - 1 - Number(number);
  if (where !== side || level < 0 || level >= levels) return undefined;
  const sampler = `${side}sample.`;
  if (key.startsWith(sampler)) return `${side}_blocks.${level}.${side}samplers.0.${key.slice(sampler.length)}`;
  const [, block, rest = ""] = /^block\.(\d+)\.(.+)$/.exec(key) ?? [];
  return block && `${side}_blocks.${level}.resnets.${block}.${resnetName(rest)}`;
}

const resnetName = (key: string): string => key.replace(/^nin_shortcut\./, "conv_shortcut.");
