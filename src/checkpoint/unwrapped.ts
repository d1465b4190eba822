import type { Weights } from "./weights.ts";

/** What torch.nn.DataParallel and torch.compile put before the names of the network that they wrap. */
const WRAPPERS = ["module.", "_orig_mod."];

/** The weights under the names of the network itself, where every name begins with that of a wrapper around it. */
export function unwrapped(weights: Weights): Weights {
  const names = [...weights.keys()];
  const wrapper = WRAPPERS.find((prefix) => names.length > 0 && names.every((name) => name.startsWith(prefix)));
  if (wrapper === undefined) return weights;
  return unwrapped(new Map([...weights].map(([name, weight]) => [name.slice(wrapper.length), weight])));
}
