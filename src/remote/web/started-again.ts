import { DeviceLostError } from "../../errors/device-error.ts";
import type { AnyPipeline } from "../../pipelines/any-pipeline.ts";

/** `pipeline` whose runs begin once more where the GPU is lost, on the new one that the browser then gives. */
export function startedAgain(pipeline: AnyPipeline): AnyPipeline {
  return {
    ...pipeline,
    async *stream(request, settings) {
      try {
        yield* pipeline.stream(request, settings);
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        yield { type: "warning", message: "The browser lost the GPU while it was in use: the run has begun again." };
        yield* pipeline.stream(request, settings);
      }
    },
    async generate(request, settings) {
      try {
        return await pipeline.generate(request, settings);
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        return await pipeline.generate(request, settings);
      }
    },
  };
}
