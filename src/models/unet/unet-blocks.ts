import { attentionBlock } from "../../layers/attention.ts";
import { embeddingMlp, sinusoid } from "../../layers/embeddings.ts";
import { linear } from "../../layers/linear.ts";
import { type Joined, resnetBlock } from "../../layers/resnet-block.ts";
import type { Scope } from "../../layers/scope.ts";
import { spatialTransformer } from "../../layers/transformer.ts";
import type { Builder, Value } from "../../onnx/graph.ts";
import { add, concat, gather, identity, reshape, sizeOf } from "../../onnx/ops.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { entry } from "../../tensor/tensor.ts";
import type { LevelAttention, UNetConfig, UNetLevel } from "./unet-types.ts";

/** An input of the graph; several networks in one graph are given the same one. */
export type Given = (name: string, dtype: Dtype, shape: readonly number[]) => Value;

/** What a U-Net sees, and a ControlNet with it. */
export interface NetworkInputs {
  readonly sample: Value;
  readonly timestep: Value;
  /** Of the prompt, where the network looks at one. */
  readonly context: Value | undefined;
  /** Rows of the sample. */
  readonly batch: number;
  /** What the time is told besides. */
  readonly given: Given;
}

/** Makes each input once, whichever networks ask for it. */
export function inputsBy(builder: Builder): Given {
  const made = new Map<string, Value>();
  return (name, dtype, shape) => {
    const value = made.get(name) ?? builder.input(name, dtype, shape);
    made.set(name, value);
    return value;
  };
}

/** Time, and what else the model adds to it: guidance, classes, SDXL's pooled text and sizes. */
export function embedTime(
  root: Scope,
  config: UNetConfig,
  { timestep, batch, given }: Pick<NetworkInputs, "timestep" | "batch" | "given">,
): Value {
  const { flipSinToCos, freqShift, timeWidth, timeConditionWidth, classes, addition } = config;
  const waves = { flipSinToCos, freqShift };
  let time = sinusoid(timestep, { width: entry(config.down, 0).channels, ...waves });
  if (timeConditionWidth !== undefined) {
    const condition = given("timestep_cond", "F32", [batch, timeConditionWidth]);
    const scope = root.at("time_embedding.cond_proj");
    time = add(time, linear(scope, condition, sizeOf(time, 1), { bias: false }));
  }
  let embedding = embeddingMlp(root.at("time_embedding"), time, timeWidth);
  if (classes !== undefined) {
    const labels = given("class_labels", "I64", [batch]);
    embedding = add(embedding, gather(root.at("class_embedding").weight("weight", [classes, timeWidth]), labels));
  }
  if (addition !== undefined) {
    const { numbers: ids = 6 } = addition; // original size, crop corner, target size: two each
    const sizes = reshape(given("time_ids", "F32", [batch, ids]), [batch * ids]);
    const text = given("text_embeds", "F32", [batch, addition.inputWidth - ids * addition.timeWidth]);
    const sizeWaves = reshape(sinusoid(sizes, { width: addition.timeWidth, ...waves }), [
      batch,
      ids * addition.timeWidth,
    ]);
    embedding = add(embedding, embeddingMlp(root.at("add_embedding"), concat([text, sizeWaves], 1), timeWidth));
  }
  return embedding;
}

/** The two shapes of block that every U-Net repeats. */
export function layerEmitter(config: UNetConfig, time: Value, context: Value | undefined) {
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
