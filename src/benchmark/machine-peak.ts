import { type Graph, graphBuilder } from "../onnx/graph.ts";
import { countMacs } from "../onnx/macs.ts";
import { conv, matmulTransposed } from "../onnx/ops.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import { torchGenerator } from "../tensor/torch-generator.ts";

/** The best that a machine did on single large operations, through the same runtime as the networks. */
export interface MachinePeak {
  /** Of a square matrix product, in 10⁹ floating-point operations per second, two for each multiply-add. */
  readonly gemmGflops: number;
  /** Of a 3×3 convolution. */
  readonly convGflops: number;
}

export interface PeakOptions {
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  /** Rows and columns of the matrices. */
  readonly matrix?: number;
  readonly channels?: number;
  /** Height and width of what is convolved. */
  readonly size?: number;
  readonly repeat?: number;
}

/** Runs a matrix product and a convolution several times and takes the best of each. */
export async function machinePeak(runtime: Runtime, options: PeakOptions): Promise<MachinePeak> {
  const { matrix = 2048, channels = 320, size = 64 } = options;
  const product = (x: Tensor): Graph => {
    const builder = graphBuilder("matrix_product");
    return builder.finish({
      y: matmulTransposed(builder.input("x", "F32", x.shape), constant(builder, [matrix, matrix])),
    });
  };
  const convolution = (x: Tensor): Graph => {
    const builder = graphBuilder("convolution");
    const weight = constant(builder, [channels, channels, 3, 3]);
    return builder.finish({ y: conv(builder.input("x", "F32", x.shape), weight, undefined, { pads: [1, 1, 1, 1] }) });
  };
  return {
    gemmGflops: await bestGflops(runtime, product, [matrix, matrix], options),
    convGflops: await bestGflops(runtime, convolution, [1, channels, size, size], options),
  };
}

const DEVIATES = torchGenerator(0).randn([4099]).data; // a prime, so that rows differ

function pattern(shape: readonly number[]): Float32Array {
  const scale = 1 / Math.sqrt(elementCount(shape.slice(1)));
  return Float32Array.from({ length: elementCount(shape) }, (_, i) => scale * (DEVIATES[i % DEVIATES.length] ?? 0));
}

const constant = (builder: ReturnType<typeof graphBuilder>, shape: readonly number[]) =>
  builder.constant(pattern(shape), shape);

async function bestGflops(
  runtime: Runtime,
  graphOf: (x: Tensor) => Graph,
  shape: readonly number[],
  { now, signal, repeat = 7 }: PeakOptions,
): Promise<number> {
  const x = { data: pattern(shape), shape };
  const graph = graphOf(x);
  await using session = await runtime.load(graph);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= repeat; i++) {
    signal?.throwIfAborted();
    const start = now();
    const { y } = await session.run({ x });
    const milliseconds = now() - start;
    y?.[Symbol.dispose]();
    if (i > 0) best = Math.min(best, milliseconds); // the first warms up
  }
  return (2 * countMacs(graph).total) / (best * 1e6);
}
