import { cut } from "../deepcache/cut.ts";
import { unet } from "../models/unet.ts";
import { unetConfig } from "../models/unet-config.ts";
import { addMacs, countMacs } from "../onnx/macs.ts";
import { elementCount } from "../tensor/tensor.ts";

/** The JSON of `deepcache inspect`: plain counts for a batch of one. */
export interface UNetDescription {
  readonly architecture: string;
  /** [channels, height, width] of what the U-Net sees. */
  readonly sample: readonly number[];
  readonly parameters: number;
  readonly skips: number;
  /** `reference` counts as the paper's counter does: biases and norms in, attention products out. */
  readonly macs: { readonly full: number; readonly attention: number; readonly reference: number };
  readonly branches: readonly BranchDescription[];
}

/** A cached evaluation at one branch. */
export interface BranchDescription {
  readonly branch: number;
  /** MACs of a cached evaluation. */
  readonly cached: number;
  readonly reference: number;
  /** cached / full. */
  readonly ratio: number;
  readonly feature: readonly number[];
}

/** Counts a U-Net from its config. */
export function describeUNet(
  json: unknown,
  size: { readonly width?: number; readonly height?: number },
  source?: string,
): UNetDescription {
  const config = unetConfig(json, source);
  const [trainedHeight, trainedWidth] = config.sampleSize ?? [64, 64];
  const { height = trainedHeight, width = trainedWidth } = size;
  const network = unet(config, { batch: 1, height, width });
  const full = countMacs(network.graph);
  const weights = [...network.graph.initializers].filter(([, initializer]) => initializer.kind === "weight");
  return {
    architecture: config.architecture,
    sample: [config.inChannels, height, width],
    parameters: weights.reduce((sum, [value]) => sum + elementCount(value.shape), 0),
    skips: network.skips.length,
    macs: { full: full.total, attention: full.attention, reference: full.reference },
    branches: network.skips.map((_, branch) => {
      const { head, tail, feature } = cut(network, branch);
      const { total, reference } = addMacs(countMacs(head), countMacs(tail));
      return { branch, cached: total, reference, ratio: total / full.total, feature: feature.shape };
    }),
  };
}
