import { type Graph, graphBuilder } from "../onnx/graph.ts";
import { conv, matmulTransposed, softmax } from "../onnx/ops.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import { torchGenerator } from "../tensor/torch-generator.ts";

/** The best that a machine did on single large operations, through the same runtime as the networks. */
export interface MachinePeak {
  /** Of a square matrix product, in 10⁹ floating-point operations per second, two for each multiply-add. */
  readonly gemmGflops: number;
  /** Of a 3×3 convolution. */
  readonly convGflops: number;
  /** Of softmax on rows that stay in the caches, in 10⁹ exponentials per second. */
  readonly softmaxGexps: number;
}

export interface PeakOptions {
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  /** Rows and columns of the matrices. */
  readonly matrix?: number;
  readonly channels?: number;
  /** Height and width of what is convolved. */
  readonly size?: number;
  /** Length of the rows of which softmax is taken. */
  readonly keys?: number;
  readonly repeat?: number;
  /** Whether products may run in what the runtime computes networks in, rather than in float32. */
  readonly narrow?: boolean;
}

/** Rows of a softmax: what a few cores have in their caches. */
const ROWS = 128;
/** As many one after the other, for one alone is over before the clock has ticked. */
const SOFTMAXES = 32;

/** Runs a matrix product, a convolution and softmax several times and takes the best of each. */
export async function machinePeak(runtime: Runtime, options: PeakOptions): Promise<MachinePeak> {
  const { matrix = 2048, channels = 320, size = 64, keys = 4096 } = options;
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
  const softmaxes = (x: Tensor): Graph => {
    const builder = graphBuilder("softmax");
    let y = builder.input("x", "F32", x.shape);
    for (let i = 0; i < SOFTMAXES; i++) y = softmax(y);
    return builder.finish({ y });
  };
  const rate = async (graphOf: (x: Tensor) => Graph, shape: readonly number[], operations: number): Promise<number> =>
    operations / (1e6 * (await bestMilliseconds(runtime, graphOf, shape, options)));
  return {
    gemmGflops: await rate(product, [matrix, matrix], 2 * matrix ** 3),
    convGflops: await rate(convolution, [1, channels, size, size], 2 * 9 * (channels * size) ** 2),
    softmaxGexps: await rate(softmaxes, [ROWS, keys], SOFTMAXES * ROWS * keys),
  };
}

const DEVIATES = torchGenerator(0).randn([4099]).data; // a prime, so that rows differ

function pattern(shape: readonly number[]): Float32Array {
  const scale = 1 / Math.sqrt(elementCount(shape.slice(1)));
  return Float32Array.from({ length: elementCount(shape) }, (_, i) => scale * (DEVIATES[i % DEVIATES.length] ?? 0));
}

const constant = (builder: ReturnType<typeof graphBuilder>, shape: readonly number[]) =>
  builder.constant(pattern(shape), shape);

async function bestMilliseconds(
  runtime: Runtime,
  graphOf: (x: Tensor) => Graph,
  shape: readonly number[],
  { now, signal, repeat = 7, narrow = false }: PeakOptions,
): Promise<number> {
  const x = { data: pattern(shape), shape };
  await using session = await runtime.load(graphOf(x), { allowHalf: narrow });
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= repeat; i++) {
    signal?.throwIfAborted();
    const start = now();
    const { y } = await session.run({ x });
    const milliseconds = now() - start;
    y?.[Symbol.dispose]();
    if (i > 0) best = Math.min(best, milliseconds); // the first warms up
  }
  return best;
}
