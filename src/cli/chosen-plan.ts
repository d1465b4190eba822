import { nameOf } from "../checkpoint/files/place.ts";
import type { FolderLike } from "../checkpoint/files.ts";
import { anyPipeline } from "../pipelines/any-pipeline.ts";
import { withChoice } from "../pipelines/checked-runs.ts";
import type { PlannedRun } from "../pipelines/run/run.ts";
import { nodeRuntime } from "../runtime/node/node.ts";
import { modelName } from "../systems/model-location.ts";
import { openModel } from "../systems/open-model.ts";
import { defaultTokenizerFolder } from "../systems/shipped.ts";
import type { CacheFlags } from "./flags/cache-flags.ts";
import { given } from "./request.ts";

interface ChoosingFlags extends Pick<CacheFlags, "speedup" | "preset"> {
  readonly steps?: number;
  readonly sampler?: string;
}

/** The plan that a speed-up or a preset chooses, which depends on what the network's parts cost. */
export async function chosenPlan(
  folder: FolderLike,
  { steps, sampler, speedup, preset }: ChoosingFlags,
): Promise<PlannedRun> {
  const opened = await openModel({ path: folder, tokenizer: defaultTokenizerFolder() });
  await using pipeline = anyPipeline(opened, modelName(nameOf(folder)), { runtime: nodeRuntime() });
  const { conditioned } = pipeline;
  const shown = {
    ...(conditioned === "prompt" ? { prompt: "" } : {}),
    ...(conditioned === "class" ? { classes: [0] } : {}),
  };
  const asked = given({ ...shown, steps, sampler, speedup, preset });
  return await pipeline.plan({ ...withChoice(asked, pipeline.choose(asked)), seed: 0 });
}
