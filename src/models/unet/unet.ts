import type { Weights } from "../../checkpoint/weights.ts";
import { silu } from "../../layers/activations.ts";
import { attentionBlock } from "../../layers/attention.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { embeddingMlp, sinusoid } from "../../layers/embeddings.ts";
import { linear } from "../../layers/linear.ts";
import { groupNorm } from "../../layers/norms.ts";
import { downsample, type Joined, resnetBlock, upsample } from "../../layers/resnet-block.ts";
import { checkpointScope, type Scope } from "../../layers/scope.ts";
import { spatialTransformer } from "../../layers/transformer.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { add, concat, gather, identity, reshape, scalar, scale, sizeOf, subtract } from "../../onnx/ops.ts";
import { entry } from "../../tensor/tensor.ts";
import { withCurrentNames } from "../key-names.ts";
import type { LevelAttention, UNetConfig, UNetLevel } from "./unet-types.ts";

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
  /** hs[0…n-1] in the order in which the way down pushes them; hs[0] is conv_in's output. */
  readonly skips: readonly Value[];
  /** features[b] is the main-branch tensor that is concatenated with hs[b] on the way up: what DeepCache caches. */
  readonly features: readonly Value[];
  /** Names of the inputs that stay the same over a run: all but the sample and the timestep. */
  readonly perRun: ReadonlySet<string>;
  readonly mid: Value;
  /** The output of every up block. */
  readonly ups: readonly Value[];
  readonly timeEmbedding: Value;
}

/** Builds the graph of a U-Net; without `weights` it can be counted and printed, not run. */
export function unet(config: UNetConfig, shape: UNetShape, weights?: Weights): UNet {
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
  const timeEmbedding = embedTime(root, config, timestep, batch);
  const layers = layerEmitter(config, silu(timeEmbedding), context);

  const centered = config.centerInput ? subtract(scale(sample, 2), scalar(sample, 1)) : sample;
  const kernel = (size: number) => ({ kernel: size, padding: (size - 1) / 2 });
  let h = conv2d(root.at("conv_in"), centered, entry(config.down, 0).channels, kernel(config.kernelIn));
  const skips = [h];
  config.down.forEach((level, i) => {
    const block = root.at(`down_blocks.${i}`);
    for (let j = 0; j < level.layers; j++) {
      h = layers.layer(block, j, h, level);
      skips.push(h);
    }
    if (i < config.down.length - 1) {
      h = downsample(block.at("downsamplers.0"), h, config.downsamplePadding);
      skips.push(h);
    }
  });

  h = layers.middle(root.at("mid_block"), h);
  const mid = h;

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
  const prediction = conv2d(root.at("conv_out"), normal, config.outChannels, kernel(config.kernelOut));
  check(config.architecture);
  const graph = builder.finish({ prediction });
  const perRun = new Set([...graph.inputs.keys()].filter((name) => name !== "sample" && name !== "timestep"));
  return { graph, skips, features, perRun, mid, ups, timeEmbedding };
}

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

/** Time, and what else the model adds to it: guidance, classes, SDXL's pooled text and sizes. */
function embedTime(root: Scope, config: UNetConfig, timestep: Value, batch: number): Value {
  const { flipSinToCos, freqShift, timeWidth, timeConditionWidth, classes, addition } = config;
  const { builder } = root;
  const waves = { flipSinToCos, freqShift };
  let time = sinusoid(timestep, { width: entry(config.down, 0).channels, ...waves });
  if (timeConditionWidth !== undefined) {
    const condition = builder.input("timestep_cond", "F32", [batch, timeConditionWidth]);
    const scope = root.at("time_embedding.cond_proj");
    time = add(time, linear(scope, condition, sizeOf(time, 1), { bias: false }));
  }
  let embedding = embeddingMlp(root.at("time_embedding"), time, timeWidth);
  if (classes !== undefined) {
    const labels = builder.input("class_labels", "I64", [batch]);
    embedding = add(embedding, gather(root.at("class_embedding").weight("weight", [classes, timeWidth]), labels));
  }
  if (addition !== undefined) {
    const ids = 6; // original size, crop corner, target size: two numbers each
    const sizes = reshape(builder.input("time_ids", "F32", [batch, ids]), [batch * ids]);
    const text = builder.input("text_embeds", "F32", [batch, addition.inputWidth - ids * addition.timeWidth]);
    const sizeWaves = reshape(sinusoid(sizes, { width: addition.timeWidth, ...waves }), [
      batch,
      ids * addition.timeWidth,
    ]);
    embedding = add(embedding, embeddingMlp(root.at("add_embedding"), concat([text, sizeWaves], 1), timeWidth));
  }
  return embedding;
}

/** The two shapes of block that every U-Net repeats. */
function layerEmitter(config: UNetConfig, time: Value, context: Value | undefined) {
  const { groups, epsilon, timeNorm, attentionGroups, linearProjection, normsTallied } = config;

  function attend(
    scope: Scope,
    x: Value,
    attention: LevelAttention,
    scaling: { groups: number | undefined; outputScale: number },
  ): Value {
    switch (attention.kind) {
      case "none":
        return x;
      case "self":
        return attentionBlock(scope, x, { heads: attention.heads, epsilon, ...scaling });
      case "cross":
        if (context === undefined) throw new RangeError("A cross-attention level needs a context");
        return spatialTransformer(scope, x, context, { ...attention, groups, linearProjection });
    }
  }

  const resnet = (scope: Scope, x: Value | Joined, channels: number, outputScale = 1): Value =>
    resnetBlock(scope, x, { channels, groups, epsilon, time, timeNorm, outputScale, normsTallied });

  return {
    layer(block: Scope, index: number, x: Value | Joined, { channels, attention }: UNetLevel): Value {
      const h = resnet(block.at(`resnets.${index}`), x, channels);
      return attend(block.at(`attentions.${index}`), h, attention, { groups, outputScale: 1 });
    },
    middle(block: Scope, x: Value): Value {
      if (config.mid === undefined) return identity(x); // a value of its own, so that the deepest cut has a feature
      const channels = sizeOf(x, 1);
      const outputScale = config.midScale;
      const h = resnet(block.at("resnets.0"), x, channels, outputScale);
      if (config.mid.resnets === 1) return h;
      const attended = attend(block.at("attentions.0"), h, config.mid.attention, {
        groups: attentionGroups,
        outputScale,
      });
      return resnet(block.at("resnets.1"), attended, channels, outputScale);
    },
  };
}
