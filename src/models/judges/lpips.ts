import type { Weights } from "../../checkpoint/weights.ts";
import { type Conv2dOptions, conv2d } from "../../layers/conv2d.ts";
import { perceptualDistance } from "../../layers/perceptual-distance.ts";
import { checkpointScope } from "../../layers/scope.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { add, concat, divide, maxPool, type PoolAttributes, relu, reshape, subtract } from "../../onnx/ops.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** The networks that LPIPS compares images with: AlexNet, or VGG of 16 layers. */
export type LpipsNetwork = "alex" | "vgg";

/** Convolutions that end where features are taken, by their places among torchvision's `features`. */
interface Stage {
  readonly pool?: PoolAttributes;
  readonly layers: readonly (Conv2dOptions & { readonly at: number; readonly channels: number })[];
}

/** What is known of a network beyond its weights. */
interface LpipsTrunk {
  /** For people. */
  readonly title: string;
  /** The least height and width of an image of which something is left at the end. */
  readonly smallest: number;
  readonly stages: readonly Stage[];
}

const triple = { kernel: 3, padding: 1 } as const;
const overlapping = { kernel: 3, stride: 2 } as const;

/** Stages of VGG: the channels of each, and the places of its convolutions. */
const vggStages = (...stages: readonly (readonly [channels: number, ...places: number[]])[]): Stage[] =>
  stages.map(([channels, ...places], i) => ({
    ...(i === 0 ? {} : { pool: { kernel: 2, stride: 2 } }),
    layers: places.map((at) => ({ at, channels, ...triple })),
  }));

/** All networks by the names that lpips gives them. */
export const LPIPS_NETWORKS: Readonly<Record<LpipsNetwork, LpipsTrunk>> = {
  alex: {
    title: "AlexNet",
    smallest: 31,
    stages: [
      { layers: [{ at: 0, channels: 64, kernel: 11, stride: 4, padding: 2 }] },
      { pool: overlapping, layers: [{ at: 3, channels: 192, kernel: 5, padding: 2 }] },
      { pool: overlapping, layers: [{ at: 6, channels: 384, ...triple }] },
      { layers: [{ at: 8, channels: 256, ...triple }] },
      { layers: [{ at: 10, channels: 256, ...triple }] },
    ],
  },
  vgg: {
    title: "VGG16",
    smallest: 16,
    stages: vggStages([64, 0, 2], [128, 5, 7], [256, 10, 12, 14], [512, 17, 19, 21], [512, 24, 26, 28]),
  },
};

/** Mean and deviation that the scaling layer of lpips 0.1 takes red, green and blue to have. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];

/** Weights of LPIPS: where all of them lie, and those that were read because they lie in another folder. */
export interface LpipsWeights {
  readonly weights: Weights;
  readonly held?: ReadonlyMap<string, Tensor>;
}

export interface LpipsShape {
  readonly pairs: number;
  readonly height: number;
  readonly width: number;
}

/** What the files of torchvision and lpips hold beside what is needed. */
const UNUSED: readonly RegExp[] = [/^classifier\./, /^scaling_layer\./];

/**
 * LPIPS of version 0.1 (Zhang et al., 2018): from samples `images` and `originals` [P, 3, H, W] in [-1, 1] to their
 * `distances` [P]. Weights have torchvision's names (`features.0.weight`) and lpips' (`lin0.model.1.weight`).
 */
export function lpipsModel(
  network: LpipsNetwork,
  { pairs, height, width }: LpipsShape,
  { weights, held }: Partial<LpipsWeights> = {},
): Graph {
  const { title, smallest, stages } = LPIPS_NETWORKS[network];
  if (height < smallest || width < smallest) {
    throw new RangeError(
      `Cannot compare images of ${width}x${height} pixels by LPIPS: ${title} takes ${smallest} in each direction`,
    );
  }
  const builder = graphBuilder("lpips");
  const { root, check } = checkpointScope(builder, weights, held);
  const [images, originals] = ["images", "originals"].map((name) =>
    builder.input(name, "F32", [pairs, 3, height, width]),
  ) as [Value, Value];
  const perChannel = (values: readonly number[]): Value => builder.constant(Float32Array.from(values), [1, 3, 1, 1]);
  let h = divide(subtract(concat([images, originals], 0), perChannel(SHIFT)), perChannel(SCALE));
  const distances = stages.map(({ pool, layers }, i) => {
    if (pool !== undefined) h = maxPool(h, pool);
    for (const { at, channels, ...options } of layers)
      h = relu(conv2d(root.at(`features.${at}`), h, channels, options));
    return perceptualDistance(root.at(`lin${i}.model.1`), h);
  });
  check(`LPIPS with ${title}`, UNUSED);
  return builder.finish({ distances: reshape(distances.reduce(add), [pairs]) });
}
