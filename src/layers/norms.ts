import type { Value } from "../onnx/graph.ts";
import {
  add,
  batchNormalization,
  instanceNormalization,
  layerNormalization,
  multiply,
  reshape,
  sizeOf,
} from "../onnx/ops.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { Scope } from "./scope.ts";

export interface GroupNormConfig {
  readonly groups: number;
  readonly epsilon: number;
  /** Whether the paper's counter sees the norm: it knows torch's own class, not one that is derived from it. */
  readonly tallied?: boolean;
}

/** Some of the channels of a layer that is wider than the value at hand. */
export interface ChannelRange {
  readonly start: number;
  readonly of: number;
}

/**
 * torch.nn.GroupNorm on x [N, C, …] as an instance normalisation of groups, the fastest form that ONNX Runtime has
 * on a CPU. With a range, x is those channels alone of the layer's input, in `groups` whole groups.
 */
export function groupNorm(
  scope: Scope,
  x: Value,
  { groups, epsilon, tallied = true }: GroupNormConfig,
  { start, of }: ChannelRange = { start: 0, of: sizeOf(x, 1) },
): Value {
  const channels = sizeOf(x, 1);
  if (channels % groups !== 0) {
    throw new RangeError(`Cannot normalise "${scope.path}": ${channels} channels do not divide into ${groups} groups`);
  }
  const batch = sizeOf(x, 0);
  const grouped = reshape(x, [batch, groups, elementCount(x.shape) / batch / groups]);
  const ones = x.builder.constant(new Float32Array(groups).fill(1), [groups]);
  const none = x.builder.constant(new Float32Array(groups), [groups]);
  const normal = reshape(instanceNormalization(grouped, ones, none, epsilon), x.shape);
  const perChannel = [channels, ...x.shape.slice(2).map(() => 1)];
  const scaled = multiply(normal, scope.rows("weight", perChannel, start, of));
  return x.builder.tally(
    add(scaled, scope.rows("bias", perChannel, start, of)),
    tallied ? 2 * elementCount(x.shape) : 0,
  );
}

/** torch.nn.LayerNorm over the last axis. */
export function layerNorm(scope: Scope, x: Value, epsilon = 1e-5): Value {
  return sharedLayerNorm(scope, sizeOf(x, -1), epsilon)(x);
}

/** A layerNorm that several values of the same width go through, its weights taken once. */
export function sharedLayerNorm(scope: Scope, width: number, epsilon = 1e-5): (x: Value) => Value {
  const [gamma, beta] = [scope.weight("weight", [width]), scope.weight("bias", [width])];
  return (x) => x.builder.tally(layerNormalization(x, gamma, beta, epsilon), 2 * elementCount(x.shape));
}

/** torch.nn.BatchNorm2d on x [N, C, H, W] with the statistics of training; right after a convolution it costs nothing. */
export function batchNorm(scope: Scope, x: Value, epsilon: number): Value {
  const perChannel = (name: string): Value => scope.weight(name, [sizeOf(x, 1)]);
  const [gamma, beta] = [perChannel("weight"), perChannel("bias")];
  return batchNormalization(
    x,
    { gamma, beta, mean: perChannel("running_mean"), variance: perChannel("running_var") },
    epsilon,
  );
}
