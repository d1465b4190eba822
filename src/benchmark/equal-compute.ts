import { partMacs, runMacs } from "../deepcache/cost.ts";
import { checkBranch, cut } from "../deepcache/cut.ts";
import { fullEvaluations } from "../deepcache/policies.ts";
import { separatePrelude } from "../deepcache/prelude.ts";
import { skipCount } from "../models/unet/unet.ts";
import { networkOf, type Subject } from "./subject.ts";

/** Steps without a cache that take about as many operations as a run at an interval of the uniform schedule. */
export function equalComputeSteps(
  subject: Subject,
  {
    branch,
    interval,
    evaluations,
  }: { readonly branch: number; readonly interval: number; readonly evaluations: number },
): number {
  checkBranch(branch, skipCount(subject.config));
  const { prelude, network } = separatePrelude(networkOf(subject, branch));
  const parts = partMacs(cut(network, branch), prelude);
  const full = fullEvaluations({ kind: "uniform", interval, branch }, evaluations).length;
  const { total, full: whole } = runMacs(parts, full, evaluations - full);
  return Math.max(1, Math.round(total / whole));
}
