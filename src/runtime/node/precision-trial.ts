import { type Builder, type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { conv, gelu, matmulTransposed, multiHeadAttention, reshape, transpose } from "../../onnx/ops.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { LoadOptions, Runtime, Session } from "../runtime.ts";

/** Channels, and height and width: of Stable Diffusion's second level at 512 × 512. */
const [CHANNELS, SIZE, HEADS, WIDENED] = [640, 32, 8, 4];
const REPEAT = 5;

/** A convolution, attention and two linear layers: about what networks that denoise are made of. */
export function trialBlock(channels = CHANNELS, size = SIZE): Graph {
  const builder = graphBuilder("precision_trial");
  const x = builder.input("x", "F32", [1, channels, size, size]);
  const weight = (shape: readonly number[]): Value => randomConstant(builder, shape);
  const linear = (value: Value, inner: number, outer: number): Value => matmulTransposed(value, weight([outer, inner]));
  const convolved = conv(x, weight([channels, channels, 3, 3]), undefined, { pads: [1, 1, 1, 1] });
  const tokens = transpose(reshape(convolved, [1, channels, size * size]), [0, 2, 1]);
  const [query, key, value] = [0, 1, 2].map(() => linear(tokens, channels, channels)) as [Value, Value, Value];
  const attended = linear(multiHeadAttention(query, key, value, HEADS), channels, channels);
  const y = linear(gelu(linear(attended, channels, WIDENED * channels)), WIDENED * channels, channels);
  return builder.finish({ y });
}

/** How time is told, and who may stop. */
interface Clocked {
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** How many times as fast as `plain` the other runtimes compute the trial's block: best times of runs in turn. */
export async function gainsOver(
  plain: Runtime,
  others: readonly Runtime[],
  { now, signal, block: graph = trialBlock() }: Clocked & { readonly block?: Graph | undefined },
): Promise<readonly number[]> {
  const options: LoadOptions = { allowHalf: true, signal };
  const sessions: Session[] = [];
  try {
    for (const runtime of [plain, ...others]) sessions.push(await runtime.load(graph, options));
    const best = sessions.map(() => Number.POSITIVE_INFINITY);
    for (let turn = 0; turn <= REPEAT; turn++) {
      for (const [i, session] of sessions.entries()) {
        const milliseconds = await timeOf(session, graph, { now, signal });
        if (turn > 0) best[i] = Math.min(best[i] ?? milliseconds, milliseconds); // the first warms up
      }
    }
    const [first = Number.NaN, ...rest] = best;
    return rest.map((milliseconds) => first / milliseconds);
  } finally {
    for (const session of sessions) await session[Symbol.asyncDispose]();
  }
}

async function timeOf(session: Session, graph: Graph, { now, signal }: Clocked): Promise<number> {
  const shape = graph.inputs.get("x")?.shape ?? [];
  const x = { data: numbers(elementCount(shape), 1), shape };
  const start = now();
  const results = await session.run({ x }, { signal });
  const milliseconds = now() - start;
  for (const result of Object.values(results)) result[Symbol.dispose]();
  return milliseconds;
}

/** Numbers of one size that differ: how long a product takes does not depend on them. */
const numbers = (count: number, size: number): Float32Array => {
  const data = new Float32Array(count);
  const known = Math.min(count, 4096);
  for (let i = 0; i < known; i++) data[i] = size * Math.sin(i * i);
  for (let filled = known; filled < count; filled *= 2) data.copyWithin(filled, 0, Math.min(filled, count - filled));
  return data;
};

const randomConstant = (builder: Builder, shape: readonly number[]): Value => {
  const inner = elementCount(shape.slice(1));
  return builder.constant(numbers(elementCount(shape), 1 / Math.sqrt(inner)), shape);
};
