import { cachedShare } from "../deepcache/cost.ts";
import { skipCount, unet } from "../models/unet/unet.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";

/** What a cached evaluation at `branch` takes of a full one, in operations. */
export interface BranchCost {
  readonly branch: number;
  /** Between 0 and 1. */
  readonly share: number;
}

/** Deeper branches save little. */
const MOST_BRANCHES = 4;

/** The first branches of a U-Net, at its own size. */
export function branchCosts(config: UNetConfig): readonly BranchCost[] {
  const [height, width] = config.sampleSize ?? [64, 64];
  return Array.from({ length: Math.min(MOST_BRANCHES, skipCount(config)) }, (_, branch) => ({
    branch,
    share: cachedShare(unet(config, { batch: 1, height, width, hoist: branch }), branch),
  }));
}
