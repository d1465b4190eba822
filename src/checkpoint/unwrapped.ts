import type { Weights } from "./weights.ts";

/** What torch.nn.DataParallel and torch.compile put before the names of the network that they wrap. */
const WRAPPERS = ["module.", "_orig_mod."];

/** The weights under the names of the network itself, where every name begins with that of a wrapper around it. */
export function unwrapped(weights: Weights): Weights {
  const [first] = weights.keys();
  if (first === undefined) return weights;
  let wrapped = 0;
  for (let found = wrapperAt(first, 0); found > 0; found = wrapperAt(first, wrapped)) {
    if (![...weights.keys()].every((name) => name.startsWith(first.slice(wrapped, wrapped + found), wrapped))) break;
    wrapped += found;
  }
  return wrapped === 0 ? weights : new Map([...weights].map(([name, weight]) => [name.slice(wrapped), weight]));
}

/** How long the name of a wrapper is that stands at a place of a name; 0 where none does. */
const wrapperAt = (name: string, at: number): number =>
  WRAPPERS.find((prefix) => name.startsWith(prefix, at))?.length ?? 0;
