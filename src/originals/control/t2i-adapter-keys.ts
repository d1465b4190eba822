import type { Weights } from "../../checkpoint/weights.ts";
import type { T2iAdapterConfig } from "../../models/control/control-network.ts";

/** Whether weights have the names of a T2I-Adapter, the original's or diffusers'. */
export const isT2iAdapter = (weights: Weights): boolean =>
  [...weights.keys()].some((name) => /^(adapter\.)?body\.0\.(resnets\.0\.)?block1\.weight$/.test(name));

/** Blocks of each level of the original. */
const BLOCKS = 2;

/** A file of a full T2I-Adapter in diffusers' names, and what its shapes tell of it. */
export function describeT2iAdapter(weights: Weights): { readonly config: T2iAdapterConfig; readonly weights: Weights } {
  const renamed = new Map([...weights].map(([name, weight]) => [diffusersName(name), weight]));
  const size = (name: string, axis: number): number => renamed.get(name)?.shape[axis] ?? 0;
  const count = (before: string, after: string): number => {
    let found = 0;
    while (renamed.has(`${before}${found}${after}`)) found++;
    return found;
  };
  const levels = count("adapter.body.", ".resnets.0.block1.weight");
  const channels = Array.from({ length: levels }, (_, i) => size(`adapter.body.${i}.resnets.0.block1.weight`, 0));
  const unshuffled = size("adapter.conv_in.weight", 1);
  const hintChannels = unshuffled % 3 === 0 ? 3 : 1;
  const downscale = Math.sqrt(unshuffled / hintChannels);
  return {
    config: {
      kind: downscale === 16 ? "full-xl" : "full",
      hintChannels,
      channels,
      blocks: count("adapter.body.0.resnets.", ".block1.weight"),
      downscale,
    },
    weights: renamed,
  };
}

function diffusersName(name: string): string {
  if (name.startsWith("adapter.")) return name;
  const [, place, rest = ""] = /^body\.(\d+)\.(.+)$/.exec(name) ?? [];
  if (place === undefined) return `adapter.${name}`;
  const level = `adapter.body.${Math.floor(Number(place) / BLOCKS)}`;
  return rest.startsWith("in_conv.") ? `${level}.${rest}` : `${level}.resnets.${Number(place) % BLOCKS}.${rest}`;
}
