import { type ControlNetwork, unweighted } from "../models/control/control-network.ts";
import { type UNet, type UNetShape, unet } from "../models/unet/unet.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import { countMacs } from "../onnx/macs.ts";
import { elementCount } from "../tensor/tensor.ts";
import { cut } from "./cut.ts";
import { separatePrelude } from "./prelude.ts";

/** What a control network adds to its U-Net, as plain counts for a batch of one. */
export interface ControlDescription {
  readonly parameters: number;
  /** MACs of a full evaluation; what does not change over a run is not in it. */
  readonly full: number;
  /** MACs of what is made of the picture, and else does not change over a run. */
  readonly prelude: number;
  readonly branches: readonly ControlBranch[];
}

/** A cached evaluation at one branch. */
export interface ControlBranch {
  readonly branch: number;
  /** MACs of the network's layers down to hs[branch], which run. */
  readonly cached: number;
  /** Share of U-Net and network together that a cached evaluation takes. */
  readonly ratio: number;
  /** The same if the network ran whole, as it does where the cache knows the U-Net alone. */
  readonly ratioUncut: number;
}

/** Counts what `network` adds to a U-Net at every branch. */
export function describeControl(config: UNetConfig, shape: UNetShape, network: ControlNetwork): ControlDescription {
  const [alone, both] = [counts(config, shape, []), counts(config, shape, [unweighted(network)])];
  const [full, prelude] = [both.full - alone.full, both.prelude - alone.prelude];
  const added = both.parameters - alone.parameters;
  return {
    parameters: added,
    full,
    prelude,
    branches: both.cached.map((cached, branch) => {
      const ofUNet = alone.cached[branch] ?? 0;
      return {
        branch,
        cached: cached - ofUNet,
        ratio: cached / both.full,
        ratioUncut: (ofUNet + full) / both.full,
      };
    }),
  };
}

interface Counts {
  readonly parameters: number;
  readonly full: number;
  readonly prelude: number;
  /** By branch. */
  readonly cached: readonly number[];
}

function counts(config: UNetConfig, shape: UNetShape, networks: readonly ControlNetwork[]): Counts {
  const build = (hoist?: number): UNet => unet(config, { ...shape, hoist }, undefined, { networks });
  const whole = build();
  const { prelude, network } = separatePrelude(whole);
  const weights = [...whole.graph.initializers].filter(([, { kind }]) => kind === "weight");
  return {
    parameters: weights.reduce((sum, [value]) => sum + elementCount(value.shape), 0),
    full: countMacs(network.graph).total,
    prelude: prelude === undefined ? 0 : countMacs(prelude).total,
    cached: whole.skips.map((_, branch) => countMacs(cut(separatePrelude(build(branch)).network, branch).cached).total),
  };
}
