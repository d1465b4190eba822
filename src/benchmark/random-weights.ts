import { memorySource } from "../checkpoint/bytes/byte-sources/memory.ts";
import { safetensorsHeader, type TensorEntry } from "../checkpoint/safetensors/encode-safetensors.ts";
import type { Weights } from "../checkpoint/weights.ts";
import { controlGraph } from "../models/control/control-graph.ts";
import type { ControlNetwork } from "../models/control/control-network.ts";
import { unet } from "../models/unet/unet.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import type { Graph } from "../onnx/graph.ts";
import { DTYPES } from "../tensor/dtype.ts";
import { float32ToFloat16 } from "../tensor/half.ts";
import { elementCount } from "../tensor/tensor.ts";
import { torchGenerator } from "../tensor/torch-generator.ts";

/** Element types in which random weights are written, as users call them. */
export const WEIGHT_DTYPES = { fp16: "F16", fp32: "F32" } as const;

export type WeightDtype = keyof typeof WEIGHT_DTYPES;

/** Names and shapes of a network's weights, sorted by name. */
export type WeightShapes = ReadonlyMap<string, readonly number[]>;

/** Names and shapes of a U-Net's weights, sorted by name. */
export function unetWeightShapes(config: UNetConfig): WeightShapes {
  const [height, width] = config.sampleSize ?? [64, 64];
  return weightShapes([unet(config, { batch: 1, height, width }).graph]);
}

/** Names and shapes of the weights of a network that steers U-Nets of `config`, sorted by name. */
export function controlWeightShapes(network: ControlNetwork, config: UNetConfig): WeightShapes {
  return weightShapes([controlGraph(network, config)]);
}

/** Names and shapes of the weights of `graphs`, sorted by name. */
export function weightShapes(graphs: readonly Graph[]): WeightShapes {
  const shapes = new Map<string, readonly number[]>();
  for (const [value, initializer] of graphs.flatMap(({ initializers }) => [...initializers])) {
    if (initializer.kind !== "weight") continue;
    const isWhole = /\.(?:weight|bias)$/.test(initializer.name);
    // Where layers take a weight by rows, the graph knows it in pieces, named after the row that they begin with.
    const [, name = initializer.name, start = "0"] = (isWhole ? undefined : PIECE_NAME.exec(initializer.name)) ?? [];
    const [rows = 1, ...inner] = value.shape;
    shapes.set(name, [Math.max(shapes.get(name)?.[0] ?? 0, Number(start) + rows), ...inner]);
  }
  return new Map([...shapes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const PIECE_NAME = /^(.*\.(?:weight|bias))\.(\d+)$/;

const NOWHERE = memorySource(new Uint8Array(), "weights that are described alone");

/** Weights that are nowhere, for what depends on their shapes alone. */
export const describedWeights = (shapes: WeightShapes, dtype: WeightDtype): Weights =>
  new Map(
    [...shapes].map(([name, shape]) => {
      const length = elementCount(shape) * DTYPES[WEIGHT_DTYPES[dtype]].bytes;
      return [name, { dtype: WEIGHT_DTYPES[dtype], shape, span: { source: NOWHERE, offset: 0, length } }];
    }),
  );

/** Largest piece of a file that is in memory at once, in elements. */
const PIECE = 1 << 20;

/**
 * A safetensors file of random weights piece by piece, the same each time: matrices and kernels are normal with
 * deviation 1/√(fan-in) and norms the identity, so that activations stay as large as a trained network's.
 */
export async function* randomWeights(
  shapes: WeightShapes,
  dtype: WeightDtype,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const stored = WEIGHT_DTYPES[dtype];
  const entries = [...shapes].map(([name, shape]): readonly [string, TensorEntry] => [
    name,
    { dtype: stored, shape, bytes: elementCount(shape) * DTYPES[stored].bytes },
  ]);
  yield safetensorsHeader(entries, { contents: "random weights for benchmarks" });
  const random = xorshift(1);
  const deviates = normalTable();
  for (const [name, shape] of shapes) {
    const count = elementCount(shape);
    const table = weightTable(name, shape, deviates);
    const values = dtype === "fp16" ? float32ToFloat16(table) : table;
    for (let start = 0; start < count; start += PIECE) {
      signal?.throwIfAborted();
      const piece = new (dtype === "fp16" ? Uint16Array : Float32Array)(Math.min(PIECE, count - start));
      for (let i = 0; i < piece.length; i++) piece[i] = values[random()] ?? 0;
      yield new Uint8Array(piece.buffer);
    }
  }
}

/** Different numbers that weights take: one for every result of the generator below. */
const TABLE = 2 ** 12;

/** Normal deviates of mean 0 and variance 1. */
function normalTable(): Float32Array {
  const half = torchGenerator(0).randn([TABLE / 2]).data;
  const scale = Math.sqrt(half.length / half.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from({ length: TABLE }, (_, i) => (i % 2 === 0 ? scale : -scale) * (half[i >> 1] ?? 0));
}

/** What the elements of one weight are drawn from. */
function weightTable(name: string, shape: readonly number[], deviates: Float32Array): Float32Array {
  const inputs = elementCount(shape.slice(1));
  // Norms and biases; those of images have trailing sizes of 1.
  if (inputs === 1) return new Float32Array(TABLE).fill(name.endsWith(".weight") ? 1 : 0);
  const deviation = 1 / Math.sqrt(inputs);
  return deviates.map((value) => value * deviation);
}

/** Marsaglia's xorshift32 (2003), of which 12 bits are taken: fast enough for a billion weights. */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 20; // the upper bits are the better ones
  };
}
