import type { PartMacs } from "../deepcache/cost.ts";
import type { Precision } from "../runtime/precision.ts";
import type { NetworkTimes } from "./measure-network.ts";
import type { RunTime, ScenarioPlan } from "./run-scenario.ts";

/** What was measured of a network that is cut at one branch. */
export interface MeasuredBranch {
  readonly branch: number;
  readonly times: NetworkTimes;
  readonly macs: PartMacs;
  readonly parts: NetworkTimes["parts"];
  readonly peakBytes: number;
  readonly runs: ReadonlyMap<ScenarioPlan, readonly RunTime[]>;
  /** By precision. */
  readonly others: ReadonlyMap<Precision, NetworkTimes>;
}
