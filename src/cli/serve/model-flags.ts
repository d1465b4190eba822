import type { ServedModelFlags } from "./flags.ts";

/** Flags that say how models are opened. */
const MODEL_FLAGS = [
  ...(["model", "models", "vae", "tinyVae", "refiner", "controlnet", "config", "variant", "tokenizer"] as const),
  ...(["convolutions", "precision", "memory", "loraDir", "embeddingDir"] as const),
] as const satisfies readonly (keyof ServedModelFlags)[];

/** The first flag given that says how models are opened, as it is written; for commands that open none. */
export function firstModelFlag(
  flags: ServedModelFlags,
  { but = [] }: { readonly but?: readonly (keyof ServedModelFlags)[] } = {},
): string | undefined {
  if (flags.ema === false) return "--no-ema";
  const found = MODEL_FLAGS.find((name) => flags[name] !== undefined && !but.includes(name));
  return found && `--${found.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
