import type { Builder, Value } from "../../onnx/graph.ts";
import { add, concat, multiply, scale, sizeOf, slice } from "../../onnx/ops.ts";
import type { NetworkInputs } from "../unet/unet-blocks.ts";
import { emitControlNet, emitT2iAdapter } from "./control-graph.ts";
import {
  type ControlNetwork,
  type Controls,
  controlImageName,
  controlReduction,
  controlScaleName,
} from "./control-network.ts";
import type { Residuals } from "./controlnet.ts";

/** What control networks add to a U-Net, in whose graph they are. */
export interface Steering {
  /** To the result of each level of the way down, from T2I-Adapters. */
  readonly features: readonly (Value | undefined)[];
  /** Adds what ControlNets make to the skips and the middle, and an adapter's feature that is left to the middle. */
  join(skips: readonly Value[], middle: Value): { readonly skips: readonly Value[]; readonly middle: Value };
}

/** A U-Net that nothing steers. */
const UNSTEERED: Steering = { features: [], join: (skips, middle) => ({ skips, middle }) };

/** Puts `controls` into the graph of a U-Net of `levels` levels; everything of a picture alone stays the same over a run. */
export function steering(
  builder: Builder,
  { networks, guess }: Controls,
  inputs: NetworkInputs,
  levels: number,
): Steering {
  if (networks.length === 0) return UNSTEERED;
  const steered = networks.map((network, index) => ({
    network,
    image: imageInput(builder, network, index, inputs),
    strength: builder.input(controlScaleName(index), "F32", [1]),
  }));
  const adapted = steered.flatMap(({ network, image, strength }) =>
    network.kind === "t2i-adapter"
      ? [emitT2iAdapter(builder, network, image).map((feature) => multiply(feature, strength))]
      : [],
  );
  const features = sums(adapted);
  return {
    features: features.slice(0, levels),
    join(skips, middle) {
      const left = features[levels];
      let joined: Residuals = {
        skips,
        middle: left !== undefined && sameShape(left, middle) ? add(middle, left) : middle,
      };
      for (const { network, image, strength } of steered) {
        if (network.kind !== "controlnet") continue;
        const seen = guess === "prompted" ? secondHalf(inputs) : inputs;
        const { config } = network;
        const sample = firstChannels(seen.sample, config.unet.inChannels);
        const made = emitControlNet(builder, network, image, { ...seen, sample });
        joined = withResiduals(joined, made, { strength, falls: guess !== undefined && !config.pooled });
      }
      return joined;
    },
  };
}

/** The picture's size goes by the sample's. */
function imageInput(builder: Builder, network: ControlNetwork, index: number, { sample }: NetworkInputs): Value {
  const factor = controlReduction(network);
  const size = [sizeOf(sample, 2) * factor, sizeOf(sample, 3) * factor];
  return builder.input(controlImageName(index), "F32", [1, network.config.hintChannels, ...size]);
}

interface Strength {
  readonly strength: Value;
  /** Whether it falls off from the middle to the first skip, to a tenth. */
  readonly falls: boolean;
}

function withResiduals({ skips, middle }: Residuals, made: Residuals, { strength, falls }: Strength): Residuals {
  const last = skips.length;
  const weighted = (residual: Value, index: number): Value =>
    multiply(residual, falls ? scale(strength, Math.fround(10 ** (index / last - 1))) : strength);
  return {
    skips: skips.map((skip, i) => {
      const residual = made.skips[i];
      return residual === undefined ? skip : addToLast(skip, weighted(residual, i));
    }),
    middle: addToLast(middle, weighted(made.middle, last)),
  };
}

/** Adds rows of a batch to as many of the last rows of another. */
function addToLast(x: Value, rows: Value): Value {
  const [all, some] = [sizeOf(x, 0), sizeOf(rows, 0)];
  if (all === some) return add(x, rows);
  return concat([slice(x, 0, 0, all - some), add(slice(x, 0, all - some, all), rows)], 0);
}

/** The rows with the prompt, which come behind those without. */
function secondHalf({ sample, timestep, context, batch, given }: NetworkInputs): NetworkInputs {
  const half = batch / 2;
  const last = (value: Value): Value => (sizeOf(value, 0) === batch ? slice(value, 0, half, batch) : value);
  return {
    sample: last(sample),
    timestep: last(timestep),
    context: context && last(context),
    batch: half,
    given: (name, dtype, shape) => last(given(name, dtype, [batch, ...shape.slice(1)])),
  };
}

/** A U-Net that inpaints sees more than the latent, which comes first. */
const firstChannels = (sample: Value, channels: number): Value =>
  sizeOf(sample, 1) > channels ? slice(sample, 1, 0, channels) : sample;

/** The sums of several lists, place by place. */
const sums = (lists: readonly (readonly Value[])[]): readonly Value[] =>
  lists.reduce((total, list) => list.map((value, i) => (total[i] === undefined ? value : add(total[i], value))), []);

const sameShape = (a: Value, b: Value): boolean => a.shape.slice(1).every((size, i) => size === b.shape[i + 1]);
