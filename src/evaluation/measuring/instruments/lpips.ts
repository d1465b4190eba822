import { type LpipsModel, lpips } from "../../../metrics/lpips.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import type { ImageInstrument } from "../instruments.ts";

/** LPIPS as an instrument: how far images are from the baseline's to the eye. */
export interface LpipsInstrument extends ImageInstrument, AsyncDisposable {}

/** Measures with `model`, which is loaded at the first use, for at most `batch` pairs at a time. */
export function lpipsInstrument(runtime: Runtime, model: LpipsModel, batch: number): LpipsInstrument {
  const metric = lpips(runtime, model, batch);
  return {
    measures: ["lpips"],
    measure: async ({ images, baseline }) =>
      baseline === undefined ? {} : { lpips: await metric.distances(images, baseline) },
    [Symbol.asyncDispose]: () => metric[Symbol.asyncDispose](),
  };
}
