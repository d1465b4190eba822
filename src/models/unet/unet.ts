import type { Weights } from "../../checkpoint/weights.ts";
import { silu } from "../../layers/activations.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { groupNorm } from "../../layers/norms.ts";
import { upsample } from "../../layers/resnet-block.ts";
import { checkpointScope } from "../../layers/scope.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { concat, scalar, scale, sizeOf, subtract } from "../../onnx/ops.ts";
import { entry } from "../../tensor/tensor.ts";
import { type Controls, controlScaleName } from "../control/control-network.ts";
import { steering } from "../control/steering.ts";
import { withCurrentNames } from "../key-names.ts";
import { embedTime, inputsBy, layerEmitter } from "./unet-blocks.ts";
import type { UNetConfig } from "./unet-types.ts";
import { sameSize, wayDown } from "./way-down.ts";

/** The sizes that a U-Net's graph is built for. */
export interface UNetShape {
  readonly batch: number;
  /** Of the sample, in latent pixels. */
  readonly height: number;
  readonly width: number;
  /** Tokens of the prompt; ignored where the model takes none. */
  readonly contextLength?: number;
  /** One timestep for the whole batch (default) or one for each row. */
  readonly timesteps?: "shared" | "each";
  /**
   * The branch at which the network will be cut: the layer that joins hs[b] then keeps apart what depends on the cached
   * feature alone, so that the cut can move it to the trunk.
   */
  readonly hoist?: number | undefined;
}

/**
 * A whole U-Net as a graph, with the places where DeepCache can cut it. Inputs carry diffusers' argument names, the
 * output is `prediction`.
 */
export interface UNet {
  readonly graph: Graph;
  /** hs[0…n-1] in the order in which the way down pushes them, with what ControlNets add; hs[0] is conv_in's output. */
  readonly skips: readonly Value[];
  /** features[b] is the main-branch tensor that is concatenated with hs[b] on the way up: what DeepCache caches. */
  readonly features: readonly Value[];
  /** Names of the inputs that stay the same over a run: all but the sample, the timestep and how strong controls are. */
  readonly perRun: ReadonlySet<string>;
  readonly mid: Value;
  /** The output of every up block. */
  readonly ups: readonly Value[];
  readonly timeEmbedding: Value;
}

/** Builds the graph of a U-Net; without `weights` it can be counted and printed, not run. */
export function unet(
  config: UNetConfig,
  shape: UNetShape,
  weights?: Weights,
  controls: Controls = { networks: [] },
): UNet {
  const builder = graphBuilder("unet");
  const { root, check } = checkpointScope(builder, weights && withCurrentNames(weights));
  const { batch, height, width, contextLength = 77, timesteps = "shared" } = shape;
  checkSize(config, shape);
  const sample = builder.input("sample", "F32", [batch, config.inChannels, height, width]);
  const timestep = builder.input("timestep", "F32", [timesteps === "shared" ? 1 : batch]);
  const context =
    config.contextWidth === undefined
      ? undefined
      : builder.input("encoder_hidden_states", "F32", [batch, contextLength, config.contextWidth]);
  const inputs = { sample, timestep, context, batch, given: inputsBy(builder) };
  const timeEmbedding = embedTime(root, config, inputs);
  const layers = layerEmitter(config, silu(timeEmbedding), context);

  const centered = config.centerInput ? subtract(scale(sample, 2), scalar(sample, 1)) : sample;
  const steer = steering(builder, controls, inputs, config.down.length);
  const down = wayDown(root, config, layers, { sample: centered, features: steer.features });
  const { skips, middle: mid } = steer.join(down.skips, layers.middle(root.at("mid_block"), down.deepest));
  let h = mid;

  const features: Value[] = [];
  let remaining = skips.length;
  const ups = config.up.map((level, i) => {
    const block = root.at(`up_blocks.${i}`);
    for (let j = 0; j < level.layers; j++) {
      const skip = entry(skips, --remaining);
      features[remaining] = h;
      h = layers.layer(block, j, remaining === shape.hoist ? { main: h, skip } : concat([h, skip], 1), level);
    }
    if (i < config.up.length - 1) {
      const next = entry(skips, remaining - 1); // an odd size was rounded up on the way down
      h = upsample(block.at("upsamplers.0"), h, [sizeOf(next, 2), sizeOf(next, 3)]);
    }
    return h;
  });

  const normal = silu(groupNorm(root.at("conv_norm_out"), h, { ...config, tallied: config.normsTallied ?? true }));
  const prediction = conv2d(root.at("conv_out"), normal, config.outChannels, sameSize(config.kernelOut));
  check(config.architecture);
  const graph = builder.finish({ prediction });
  const perRun = new Set([...graph.inputs.keys()].filter((name) => !VARYING.test(name)));
  return { graph, skips, features, perRun, mid, ups, timeEmbedding };
}

/** Inputs that change from evaluation to evaluation. */
const VARYING = new RegExp(`^(sample|timestep|${controlScaleName("\\d+")})$`);

/** The number of skip tensors hs[…] that a U-Net pushes; branches run from 0 to one less. */
export function skipCount({ down }: UNetConfig): number {
  return down.reduce((sum, level) => sum + level.layers, 0) + down.length;
}

function checkSize({ architecture, down }: UNetConfig, { height, width }: UNetShape): void {
  const factor = 2 ** (down.length - 1);
  if (architecture === "UNet2DModel" && (height % factor !== 0 || width % factor !== 0)) {
    throw new RangeError(
      `Cannot build a ${architecture} for ${width}x${height} samples: multiples of ${factor} are required`,
    );
  }
}
