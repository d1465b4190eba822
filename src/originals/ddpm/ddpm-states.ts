import type { Weight, Weights } from "../../checkpoint/weights.ts";

/**
 * The weights of one state of a checkpoint of the DDPM code. Published files hold one state; the trainer saves a list
 * of the model, the optimizer, two counters and, last, the moving average of the weights, which `ema` prefers.
 */
export function ddpmState(weights: Weights, { ema = true }: { readonly ema?: boolean | undefined } = {}): Weights {
  const states = new Map<number, Map<string, Weight>>();
  for (const [key, weight] of weights) {
    const [, place, name] = /^(\d+)\.(.*)$/.exec(key) ?? [];
    if (place === undefined || name === undefined) return unwrapped(weights);
    const state = states.get(Number(place)) ?? new Map<string, Weight>();
    states.set(Number(place), state.set(name, weight));
  }
  const places = [...states.keys()];
  return unwrapped(states.get(ema ? Math.max(...places) : Math.min(...places)) ?? weights);
}

/** Without the prefix that training on several devices leaves. */
const unwrapped = (weights: Weights): Weights =>
  new Map([...weights].map(([name, weight]) => [name.replace(/^module\./, ""), weight]));
