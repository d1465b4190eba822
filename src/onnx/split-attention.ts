import type { Attribute, Graph, GraphNode, Initializer, Value } from "./graph.ts";
import { sizeOf } from "./ops.ts";

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
  const swap = (x: Value): Value => {
    const [batch, a, b, width] = x.shape as [number, number, number, number];
    return emit("Transpose", [x], like([batch, b, a, width], "Transpose"), { attributes: { perm: [0, 2, 1, 3] } });
  };
  const perHead = (x: Value): Value => {
    const [batch, length, width] = x.shape as [number, number, number];
    return swap(reshape(x, like([batch, length, heads, width / heads], "heads")));
  };

  const [batch, length] = [sizeOf(q, 0), sizeOf(q, 1)];
  const scores = emit("FusedMatMul", [perHead(q), perHead(k)], like([batch, heads, length, sizeOf(k, 1)], "scores"), {
    domain: "com.microsoft",
    attributes: { transA: 0, transB: 1, alpha: { float: 1 / Math.sqrt(sizeOf(q, 2) / heads) } },
  });
  const biased = bias === undefined ? scores : emit("Add", [scores, bias], like(scores.shape, "scores"));
  const weights = emit("Softmax", [biased], like(scores.shape, "Softmax"), { attributes: { axis: -1 } });
  const heard = emit("MatMul", [weights, perHead(v)], like([batch, heads, length, sizeOf(v, 2) / heads], "MatMul"));
  reshape(swap(heard), result);
  return nodes.map((part, i) => (i === nodes.length - 1 ? { ...part, referenceMacs: node.referenceMacs } : part));
}

interface Options {
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}
