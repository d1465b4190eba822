import type { Weights } from "../../../checkpoint/weights.ts";
import { type InceptionOptions, inceptionFeatures } from "../../../metrics/inception-features.ts";
import { INCEPTION_WIDTHS, type InceptionOutput } from "../../../models/judges/inception.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import type { FeatureInstrument } from "../instruments.ts";

/** FID's network as an instrument. */
export interface InceptionInstrument extends FeatureInstrument, AsyncDisposable {}

/** Keeps `outputs` of the network with `weights`, which is loaded at the first use. */
export function inceptionInstrument(
  runtime: Runtime,
  weights: Weights,
  outputs: readonly InceptionOutput[],
  options: InceptionOptions,
): InceptionInstrument {
  const network = inceptionFeatures(runtime, weights, options);
  return {
    outputs: Object.fromEntries(outputs.map((output) => [output, INCEPTION_WIDTHS[output]])),
    async extract(images) {
      const features = await network.extract(images);
      return Object.fromEntries(outputs.map((output) => [output, features[output]]));
    },
    [Symbol.asyncDispose]: () => network[Symbol.asyncDispose](),
  };
}
