import type { LoadedModels } from "../../library/loaded-model.ts";
import { type PipelineOptions, pipeline } from "../../library/pipeline.ts";
import type { TaskName } from "../../pipelines/generate-request.ts";
import type { Maker } from "../maker.ts";

type Opened = LoadedModels[TaskName];

/** Makes images in this process, with a model that is opened on first use or one that somebody else has opened. */
export function inProcessMaker(model: string | Opened | undefined, options: PipelineOptions): Maker {
  let opening: Promise<Opened> | undefined;
  const open = async (): Promise<Opened> => {
    if (typeof model === "function") return model;
    opening ??= pipeline(undefined, model, options);
    try {
      return await opening;
    } catch (error) {
      opening = undefined; // the next call may find the model
      throw error;
    }
  };
  return {
    async make(asked, { signal }) {
      const opened = await open();
      const result = await opened.generate({ ...asked, signal } as never);
      const { images, warnings, sampler, steps, evaluations, full, fse, seconds } = result;
      const pictures = images.map((image) => ({ png: image.png(), seed: image.seed, parameters: image.parameters }));
      const counted = { evaluations, fullEvaluations: full.length, speedup: evaluations / fse };
      return { pictures, warnings, summary: { sampler, steps, ...counted, seconds: { ...seconds } } };
    },
    async [Symbol.asyncDispose]() {
      const opened = await opening?.catch(() => undefined);
      await opened?.dispose();
    },
  };
}
