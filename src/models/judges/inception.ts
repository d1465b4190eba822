import type { Weights } from "../../checkpoint/weights.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { batchNorm } from "../../layers/norms.ts";
import { checkpointScope, type Scope } from "../../layers/scope.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import {
  averagePool,
  concat,
  matmulTransposed,
  maxPool,
  planeMeans,
  relu,
  reshape,
  resizeLinear,
  scalar,
  scale,
  slice,
  softmax,
  subtract,
  transpose,
} from "../../onnx/ops.ts";
import { elementCount } from "../../tensor/tensor.ts";

/** Lengths of the vectors that the network gives for an image. */
export const INCEPTION_WIDTHS = { pool: 2048, spatial: 17 * 17 * 7, probabilities: 1008 } as const;

/** The outputs of `inception`, by name. */
export type InceptionOutput = keyof typeof INCEPTION_WIDTHS;

/**
 * How images become what the network sees, 299 × 299 in [-1, 1]: as pytorch-fid does it, with pixels at their centres,
 * or as the original TensorFlow graph and the evaluator of ADM do, with pixels at their corners and levels over 128.
 */
export type InceptionInput = "pytorch-fid" | "tensorflow";

interface InputRule {
  readonly places: "half_pixel" | "asymmetric";
  /** A level from 0 to 255 becomes `factor · level - 1`. */
  readonly factor: number;
}

const INPUT_RULES: Readonly<Record<InceptionInput, InputRule>> = {
  "pytorch-fid": { places: "half_pixel", factor: 2 / 255 },
  tensorflow: { places: "asymmetric", factor: 1 / 128 },
};

/** What `inception` accepts as input rules. */
export const INCEPTION_INPUTS = Object.keys(INPUT_RULES) as readonly InceptionInput[];

export interface InceptionShape {
  readonly batch: number;
  /** Of the images, before they are resized. */
  readonly height: number;
  readonly width: number;
  readonly input?: InceptionInput;
}

const SIDE = 299;

/**
 * The Inception-v3 of 2015 that FID is defined by (Heusel et al., 2017), with weights in pytorch-fid's layout: from
 * `pixels` [B, 3, H, W], levels from 0 to 255, to `pool` [B, 2048], the `spatial` features of sFID [B, 2023] (Nash et
 * al., 2021: the first seven channels of the 1 × 1 branch of the third mixed block at 17 × 17, row by row) and
 * `probabilities` [B, 1008], which the Inception score takes without the bias of the classifier.
 */
export function inception({ batch, height, width, input = "pytorch-fid" }: InceptionShape, weights?: Weights): Graph {
  const builder = graphBuilder("inception");
  const { root, check } = checkpointScope(builder, weights);
  const pixels = builder.input("pixels", "F32", [batch, 3, height, width]);
  const { places, factor } = INPUT_RULES[input];
  const resized = height === SIDE && width === SIDE ? pixels : resizeLinear(pixels, SIDE, SIDE, places);
  let h = subtract(scale(resized, factor), scalar(pixels, 1));
  for (const step of STEM) h = step === "pool" ? maxPool(h, { kernel: 3, stride: 2 }) : unit(root, h, step);
  let spatial: Value | undefined;
  for (const [name, branches] of Object.entries(BLOCKS)) {
    const outputs = branches.flatMap((branch) => followed(root.at(name), h, branch));
    if (name === SPATIAL_BLOCK) spatial = outputs[0];
    h = concat(outputs as [Value, ...Value[]], 1);
  }
  if (spatial === undefined) throw new RangeError(`There is no block "${SPATIAL_BLOCK}"`);
  const pool = planeMeans(h);
  const logits = matmulTransposed(
    pool,
    root.weight("fc.weight", [INCEPTION_WIDTHS.probabilities, INCEPTION_WIDTHS.pool]),
  );
  check("the Inception network of FID", [/^fc\.bias$/, /\.num_batches_tracked$/]);
  return builder.finish({ pool, spatial: firstChannels(spatial), probabilities: softmax(logits) });
}

/** A convolution with batch norm and ReLU. */
interface Unit {
  readonly name: string;
  readonly channels: number;
  readonly kernel: number | readonly [number, number];
  readonly stride?: number;
  readonly padding?: number | readonly [number, number, number, number];
}

/** What a block does first in one of its branches. */
type Pooling = "average" | "max" | "shrink";

/** A chain of poolings and units; a nested list is where it splits in two. */
type Branch = readonly (Pooling | Unit | readonly [Unit, Unit])[];

/** A kernel that keeps the size. */
const same = (name: string, channels: number, kernel: 1 | 3 | 5 = 1): Unit => ({
  name,
  channels,
  kernel,
  padding: (kernel - 1) / 2,
});
const wide = (name: string, channels: number, size: 3 | 7): Unit => ({
  name,
  channels,
  kernel: [1, size],
  padding: [0, (size - 1) / 2, 0, (size - 1) / 2],
});
const tall = (name: string, channels: number, size: 3 | 7): Unit => ({
  name,
  channels,
  kernel: [size, 1],
  padding: [(size - 1) / 2, 0, (size - 1) / 2, 0],
});
const shrinking = (name: string, channels: number): Unit => ({ name, channels, kernel: 3, stride: 2 });

const STEM: readonly (Unit | "pool")[] = [
  shrinking("Conv2d_1a_3x3", 32),
  { name: "Conv2d_2a_3x3", channels: 32, kernel: 3 },
  same("Conv2d_2b_3x3", 64, 3),
  "pool",
  same("Conv2d_3b_1x1", 80),
  { name: "Conv2d_4a_3x3", channels: 192, kernel: 3 },
  "pool",
];

const blockA = (pooled: number): readonly Branch[] => [
  [same("branch1x1", 64)],
  [same("branch5x5_1", 48), same("branch5x5_2", 64, 5)],
  [same("branch3x3dbl_1", 64), same("branch3x3dbl_2", 96, 3), same("branch3x3dbl_3", 96, 3)],
  ["average", same("branch_pool", pooled)],
];

const blockC = (inner: number): readonly Branch[] => [
  [same("branch1x1", 192)],
  [same("branch7x7_1", inner), wide("branch7x7_2", inner, 7), tall("branch7x7_3", 192, 7)],
  [
    same("branch7x7dbl_1", inner),
    tall("branch7x7dbl_2", inner, 7),
    wide("branch7x7dbl_3", inner, 7),
    tall("branch7x7dbl_4", inner, 7),
    wide("branch7x7dbl_5", 192, 7),
  ],
  ["average", same("branch_pool", 192)],
];

const blockE = (pooling: Pooling): readonly Branch[] => [
  [same("branch1x1", 320)],
  [same("branch3x3_1", 384), [wide("branch3x3_2a", 384, 3), tall("branch3x3_2b", 384, 3)]],
  [
    same("branch3x3dbl_1", 448),
    same("branch3x3dbl_2", 384, 3),
    [wide("branch3x3dbl_3a", 384, 3), tall("branch3x3dbl_3b", 384, 3)],
  ],
  [pooling, same("branch_pool", 192)],
];

/** What follows the stem; the outputs of a block's branches are joined. */
const BLOCKS: Readonly<Record<string, readonly Branch[]>> = {
  Mixed_5b: blockA(32),
  Mixed_5c: blockA(64),
  Mixed_5d: blockA(64),
  Mixed_6a: [
    [shrinking("branch3x3", 384)],
    [same("branch3x3dbl_1", 64), same("branch3x3dbl_2", 96, 3), shrinking("branch3x3dbl_3", 96)],
    ["shrink"],
  ],
  Mixed_6b: blockC(128),
  Mixed_6c: blockC(160),
  Mixed_6d: blockC(160),
  Mixed_6e: blockC(192),
  Mixed_7a: [
    [same("branch3x3_1", 192), shrinking("branch3x3_2", 320)],
    [
      same("branch7x7x3_1", 192),
      wide("branch7x7x3_2", 192, 7),
      tall("branch7x7x3_3", 192, 7),
      shrinking("branch7x7x3_4", 192),
    ],
    ["shrink"],
  ],
  Mixed_7b: blockE("average"),
  Mixed_7c: blockE("max"), // the 2015 graph differs here from every other Inception
};

/** TensorFlow's graph calls it "mixed_6". */
const SPATIAL_BLOCK = "Mixed_6d";
const SPATIAL_CHANNELS = 7;

/** torch's BasicConv2d. */
function unit(scope: Scope, x: Value, { name, channels, ...options }: Unit): Value {
  const own = scope.at(name);
  return relu(batchNorm(own.at("bn"), conv2d(own.at("conv"), x, channels, { ...options, bias: false }), 0.001));
}

/** What comes out at the end of a branch: one value, or two where it splits. */
function followed(scope: Scope, x: Value, branch: Branch): Value[] {
  let h = x;
  for (const step of branch) {
    if (typeof step === "string") h = POOLINGS[step](h);
    else if ("name" in step) h = unit(scope, h, step);
    else return step.map((end) => unit(scope, h, end));
  }
  return [h];
}

const POOLINGS: Readonly<Record<Pooling, (x: Value) => Value>> = {
  average: (x) => averagePool(x, { kernel: 3, stride: 1, padding: 1 }),
  max: (x) => maxPool(x, { kernel: 3, stride: 1, padding: 1 }),
  shrink: (x) => maxPool(x, { kernel: 3, stride: 2 }),
};

/** The first channels of x [N, C, H, W], laid out as TensorFlow does: [N, H · W · channels]. */
function firstChannels(x: Value): Value {
  const rows = transpose(slice(x, 1, 0, SPATIAL_CHANNELS), [0, 2, 3, 1]);
  return reshape(rows, [rows.shape[0] ?? 1, elementCount(rows.shape.slice(1))]);
}
