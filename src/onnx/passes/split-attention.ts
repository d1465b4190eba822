import type { Attribute, Graph, GraphNode, Initializer, Value } from "../graph.ts";
import { sizeOf } from "../ops.ts";

/** `graph` with every `MultiHeadAttention` as two matrix products with a softmax between, its scores in memory. */
export function splitAttention(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.flatMap((node) => (node.op === "MultiHeadAttention" ? split(node, initializers) : [node]));
  return { ...graph, nodes, initializers };
}

function split(node: GraphNode, initializers: Map<Value, Initializer>): GraphNode[] {
  const [query, key, value, packedBias, mask, bias, ...past] = node.inputs;
  const output = node.outputs[0];
  const { num_heads: heads, ...unknown } = node.attributes;
  if (
    [query, key, value].some((input) => input?.shape.length !== 3) ||
    [packedBias, mask, ...past].some((input) => input !== undefined) ||
    Object.keys(unknown).length > 0 ||
    typeof heads !== "number"
  ) {
    throw new RangeError(
      `Cannot split attention "${output?.hint}": query, key and value [B, S, C] and a bias are required`,
    );
  }
  const [q, k, v, result] = [query!, key!, value!, output!];
  const nodes: GraphNode[] = [];
  const emit = (op: string, inputs: readonly Value[], to: Value, options: Options = {}): Value => {
    nodes.push({ op, domain: "", attributes: {}, ...options, inputs, outputs: [to], referenceMacs: 0 });
    return to;
  };
  const like = (shape: readonly number[], hint: string): Value => ({ ...q, shape, hint });
  const reshape = (x: Value, to: Value): Value => {
    const shape: Value = { ...q, dtype: "I64", shape: [to.shape.length], hint: "constant" };
    initializers.set(shape, { kind: "constant", data: BigInt64Array.from(to.shape, BigInt) });
    return emit("Reshape", [x, shape], to);
  };
  const permuted = (x: Value, perm: readonly number[]): Value => {
    const shape = perm.map((axis) => sizeOf(x, axis));
    return emit("Transpose", [x], like(shape, "Transpose"), { attributes: { perm } });
  };
  const perHead = (x: Value, perm: readonly number[] = SWAPPED): Value => {
    const [batch, length, width] = x.shape as [number, number, number];
    return permuted(reshape(x, like([batch, length, heads, width / heads], "heads")), perm);
  };

  const [batch, length] = [sizeOf(q, 0), sizeOf(q, 1)];
  const factor: Value = { ...q, shape: [], hint: "constant" };
  initializers.set(factor, { kind: "constant", data: Float32Array.of(1 / Math.sqrt(sizeOf(q, 2) / heads)) });
  // Of the query rather than of the scores, which are more; no product that takes a factor has a kernel on every device.
  const scaled = emit("Mul", [perHead(q), factor], like([batch, heads, length, sizeOf(q, 2) / heads], "Mul"));
  const scores = emit("MatMul", [scaled, perHead(k, TRANSPOSED)], like([batch, heads, length, sizeOf(k, 1)], "scores"));
  const biased = bias === undefined ? scores : emit("Add", [scores, bias], like(scores.shape, "scores"));
  const weights = emit("Softmax", [biased], like(scores.shape, "Softmax"), { attributes: { axis: -1 } });
  const heard = emit("MatMul", [weights, perHead(v)], like([batch, heads, length, sizeOf(v, 2) / heads], "MatMul"));
  reshape(permuted(heard, SWAPPED), result);
  return nodes.map((part, i) => (i === nodes.length - 1 ? { ...part, referenceMacs: node.referenceMacs } : part));
}

/** [B, S, h, d] as [B, h, S, d] and back, and as [B, h, d, S]. */
const SWAPPED = [0, 2, 1, 3];
const TRANSPOSED = [0, 2, 3, 1];

interface Options {
  readonly attributes?: Readonly<Record<string, Attribute>>;
}
