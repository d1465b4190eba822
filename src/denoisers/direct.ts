import type { Denoiser } from "../diffusion/denoiser.ts";
import type { RunContext } from "./evaluation.ts";
import type { LoadedPart } from "./loaded-part.ts";

/** Every evaluation runs the whole network. */
export function directDenoiser(
  network: LoadedPart,
  { conditioning, varying, observe, signal, now }: RunContext,
): Denoiser {
  let index = 0;
  return {
    async predict(sample, timestep) {
      signal?.throwIfAborted();
      const start = now();
      const time = { data: Float32Array.of(timestep), shape: [1] };
      const known = { ...conditioning, ...varying?.(index), sample, timestep: time };
      const { prediction } = await network.run(known, { signal });
      if (prediction === undefined) throw new TypeError('The network has no output "prediction"');
      try {
        const result = await prediction.download();
        observe?.({ index, timestep, full: true, seconds: { trunk: (now() - start) / 1000 } });
        index++;
        return result;
      } finally {
        prediction[Symbol.dispose]();
      }
    },
  };
}
