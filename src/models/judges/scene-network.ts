import type { Weights } from "../../checkpoint/weights.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { linear } from "../../layers/linear.ts";
import { checkpointScope, type Scope } from "../../layers/scope.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { add, planeMeans, relu, sizeOf } from "../../onnx/ops.ts";
import { entry } from "../../tensor/tensor.ts";
import { type ConfigReader, configReader, LAYER_COUNT } from "../config-reader.ts";

/** A small residual network that tells what a scene shows, and on which colour. */
export interface SceneNetworkConfig {
  /** Height and width of an image. */
  readonly imageSize: number;
  /** Channels of each stage; the first has half the image's resolution, each further one half of the one before. */
  readonly widths: readonly number[];
  /** Residual blocks of each stage. */
  readonly blocks: readonly number[];
  /** What the heads tell apart, in the order of their outputs. */
  readonly nouns: readonly string[];
  readonly colours: readonly string[];
}

/** Reads the config.json of a scene network. */
export function sceneNetworkConfig(config: unknown, source = "config.json"): SceneNetworkConfig {
  const read = configReader(config, source);
  read.choice("model_type", { "scene-network": true });
  const widths = read.integers("widths");
  const blocks = read.integers("blocks", undefined, LAYER_COUNT);
  if (widths.length === 0) read.fail("widths", "a list of one width at least, one for each stage,");
  if (blocks.length !== widths.length) read.fail("blocks", `a list of ${widths.length}, one for each stage,`);
  const imageSize = read.integer("image_size");
  if (imageSize < 1) read.fail("image_size", "a positive whole number");
  return { imageSize, widths, blocks, nouns: labels(read, "nouns"), colours: labels(read, "colours") };
}

function labels(read: ConfigReader, field: string): readonly string[] {
  const names = read.strings(field);
  if (names.length === 0 || new Set(names).size < names.length) read.fail(field, "a list of different names");
  return names;
}

/** The length of a scene network's feature vectors. */
export const sceneFeatureWidth = ({ widths }: SceneNetworkConfig): number => entry(widths, widths.length - 1);

/**
 * From `pixel_values` [B, 3, S, S] in [-1, 1] to `features` [B, F], `noun_logits` and `colour_logits`. The checkpoint's
 * batch norms are part of its convolutions.
 */
export function sceneNetwork(
  config: SceneNetworkConfig,
  { batch }: { readonly batch: number },
  weights?: Weights,
): Graph {
  const { imageSize, widths, blocks, nouns, colours } = config;
  const builder = graphBuilder("scene_network");
  const { root, check } = checkpointScope(builder, weights);
  const pixels = builder.input("pixel_values", "F32", [batch, 3, imageSize, imageSize]);
  let h = relu(conv2d(root.at("stem"), pixels, entry(widths, 0), { kernel: 3, stride: 2, padding: 1 }));
  widths.forEach((width, level) => {
    for (let i = 0; i < entry(blocks, level); i++) {
      const stride = i === 0 && level > 0 ? 2 : 1;
      h = residualBlock(root.at(`stages.${level}.${i}`), h, width, stride);
    }
  });
  const features = planeMeans(h);
  const noun = linear(root.at("noun"), features, nouns.length);
  const colour = linear(root.at("colour"), features, colours.length);
  check("a scene network");
  return builder.finish({ features, noun_logits: noun, colour_logits: colour });
}

/** Two convolutions beside a shortcut, which is one itself where width or resolution change. */
function residualBlock(scope: Scope, x: Value, width: number, stride: number): Value {
  const first = relu(conv2d(scope.at("conv1"), x, width, { kernel: 3, stride, padding: 1 }));
  const h = conv2d(scope.at("conv2"), first, width, { kernel: 3, padding: 1 });
  const same = stride === 1 && sizeOf(x, 1) === width;
  return relu(add(h, same ? x : conv2d(scope.at("shortcut"), x, width, { stride })));
}
