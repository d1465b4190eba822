import { checkedRuns } from "../../pipelines/checked-runs.ts";
import type { Busy } from "../../pipelines/run/queue.ts";
import type { NodeRuntimeOptions } from "../../runtime/node/node.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { ModelLocation } from "../../systems/model-location.ts";
import { openModel } from "../../systems/open-model.ts";
import type { HostedRuns } from "../host.ts";

/** A model as a thread is told to open it. */
export interface ModelOrder {
  readonly location: Omit<ModelLocation, "signal" | "onProgress">;
  readonly name: string;
  readonly runtime: Omit<NodeRuntimeOptions, "thread" | "keepWeights">;
  readonly busy: Busy | undefined;
}

/** Opens the model in the thread that it is ordered for. */
export async function openOrdered(
  { location, name, runtime, busy }: ModelOrder,
  makeRuntime: (options: ModelOrder["runtime"]) => Runtime,
): Promise<HostedRuns> {
  return checkedRuns(await openModel(location), name, { runtime: makeRuntime(runtime), queue: { busy } }).runs;
}
