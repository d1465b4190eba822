import type { ControlNetwork } from "../models/control/control-network.ts";
import { unet } from "../models/unet/unet.ts";
import { unetConfig } from "../models/unet/unet-config.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import type { Graph, GraphNode } from "../onnx/graph.ts";
import { countMacs } from "../onnx/macs.ts";
import { dependents } from "../onnx/subgraph.ts";
import { elementCount, entry } from "../tensor/tensor.ts";
import { cachedNodes } from "./cut.ts";
import { type ControlDescription, describeControl } from "./describe-control.ts";
import { preludeNodes } from "./prelude.ts";

/** What a U-Net costs, as plain counts for a batch of one. */
export interface UNetDescription {
  readonly architecture: string;
  /** [channels, height, width] of what the U-Net sees. */
  readonly sample: readonly number[];
  readonly parameters: number;
  readonly skips: number;
  /** `reference` counts as the paper's counter does: biases and norms in, attention products out. */
  readonly macs: {
    readonly full: number;
    readonly attention: number;
    readonly reference: number;
    /** Of `full`, what does not change over a run: runs compute it once. */
    readonly prelude: number;
  };
  readonly branches: readonly BranchDescription[];
  /** What steers it, where something does; in none of the counts above. */
  readonly control?: ControlDescription;
}

/** What a cached evaluation costs at one branch. */
export interface BranchDescription {
  readonly branch: number;
  /** MACs of a cached evaluation as the method is published. */
  readonly cached: number;
  /**
   * The same once what depends on the cached feature alone has moved to the trunk, and what does not change over a run to
   * its start, as runs do it.
   */
  readonly hoisted: number;
  /**
   * Of a guided cached evaluation as runs do it: both halves, with what they have in common once. None where a network
   * takes no condition to be guided by.
   */
  readonly guided?: number;
  readonly reference: number;
  /** cached / full. */
  readonly ratio: number;
  /** Shape of the cached feature. */
  readonly feature: readonly number[];
}

/** What a description is for. */
export interface DescribeOptions {
  /** In latent pixels. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly contextLength?: number | undefined;
  /** The network that steers it, made for the config that is described. */
  readonly controlOf?: ((config: UNetConfig) => ControlNetwork) | undefined;
}

/** Counts a U-Net from its config.json; `source` names it in errors. */
export function describeUNet(json: unknown, options: DescribeOptions = {}, source?: string): UNetDescription {
  const config = unetConfig(json, source);
  const [trainedHeight, trainedWidth] = config.sampleSize ?? [64, 64];
  const { height = trainedHeight, width = trainedWidth, contextLength = 77, controlOf } = options;
  const shape = { batch: 1, height, width, contextLength };
  const network = unet(config, shape);
  const full = countMacs(network.graph);
  const prelude = [...preludeNodes(network)];
  const weights = [...network.graph.initializers].filter(([, initializer]) => initializer.kind === "weight");
  return {
    architecture: config.architecture,
    sample: [config.inChannels, height, width],
    parameters: weights.reduce((sum, [value]) => sum + elementCount(value.shape), 0),
    skips: network.skips.length,
    macs: {
      full: full.total,
      attention: full.attention,
      reference: full.reference,
      prelude: countMacs({ nodes: prelude }).total,
    },
    branches: network.skips.map((_, branch) => {
      const { total, reference } = countMacs({ nodes: cachedNodes(network, branch) });
      const hoisting = unet(config, { ...shape, hoist: branch });
      const once = preludeNodes(hoisting);
      const hoisted = cachedNodes(hoisting, branch).filter((node) => !once.has(node));
      return {
        branch,
        cached: total,
        hoisted: countMacs({ nodes: hoisted }).total,
        ...(config.contextWidth === undefined ? {} : { guided: guidedMacs(hoisting.graph, hoisted) }),
        reference,
        ratio: total / full.total,
        feature: entry(network.features, branch).shape,
      };
    }),
    ...(controlOf === undefined ? {} : { control: describeControl(config, shape, controlOf(config)) }),
  };
}

/** Of two rows through `nodes` of a graph for one, where what depends on the sample and the timestep alone runs once. */
function guidedMacs(graph: Graph, nodes: readonly GraphNode[]): number {
  const common = ["sample", "timestep"].flatMap((name) => graph.inputs.get(name) ?? []);
  const shared = dependents(graph, common, () => true);
  const inCommon = nodes.filter((node) => shared.has(node));
  return 2 * countMacs({ nodes }).total - countMacs({ nodes: inCommon }).total;
}
