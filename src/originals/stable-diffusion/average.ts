import type { Weight, Weights } from "../../checkpoint/weights.ts";

const AVERAGES = "model_ema.";

/**
 * The weights of a U-Net as averaged in training, under the names of those they average, where the file has both. The
 * trainer names an average by the weight's name without "model" and without dots.
 */
export function averagedWeights(weights: Weights, prefix: string, fail: (reason: string) => Error): Weights {
  if (![...weights.keys()].some((key) => key.startsWith(`${AVERAGES}diffusion_model`))) return weights;
  return new Map(
    [...weights].map(([key, weight]): [string, Weight] => {
      if (!key.startsWith(prefix)) return [key, weight];
      const name = `${AVERAGES}${key.slice(key.indexOf(".") + 1).replaceAll(".", "")}`;
      const average = weights.get(name);
      if (average === undefined) throw fail(`it has averaged weights, but "${name}" is not among them`);
      if (average.shape.join() === weight.shape.join()) return [key, average];
      throw fail(`its "${name}" has the shape [${average.shape}] where [${weight.shape}] is required`);
    }),
  );
}
