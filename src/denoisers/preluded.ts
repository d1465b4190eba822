import type { Denoiser } from "../diffusion/denoiser.ts";
import type { DeviceTensor } from "../runtime/runtime.ts";
import type { Evaluation, RunContext } from "./evaluation.ts";
import type { LoadedPart } from "./loaded-part.ts";

/**
 * Runs `prelude` before the first evaluation and starts `inner` on what it makes of the conditioning; disposing frees that
 * as well. The prelude's time counts to the first evaluation.
 */
export function preludedDenoiser(
  prelude: LoadedPart,
  context: RunContext,
  inner: (context: RunContext) => Denoiser & Disposable,
): Denoiser & Disposable {
  const { conditioning, observe, signal, now } = context;
  let outputs: Readonly<Record<string, DeviceTensor>> | undefined;
  let started: (Denoiser & Disposable) | undefined;

  async function start(): Promise<Denoiser & Disposable> {
    signal?.throwIfAborted();
    const begin = now();
    outputs = await prelude.run(conditioning, { signal });
    const seconds = (now() - begin) / 1000;
    const tell = (evaluation: Evaluation): void =>
      observe?.(
        evaluation.index === 0 ? { ...evaluation, seconds: { prelude: seconds, ...evaluation.seconds } } : evaluation,
      );
    return inner({ ...context, conditioning: { ...conditioning, ...outputs }, observe: tell });
  }

  return {
    async predict(sample, timestep) {
      started ??= await start();
      return await started.predict(sample, timestep);
    },
    [Symbol.dispose]() {
      started?.[Symbol.dispose]();
      for (const output of Object.values(outputs ?? {})) output[Symbol.dispose]();
      started = undefined;
      outputs = undefined;
    },
  };
}
