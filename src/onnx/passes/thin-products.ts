import { elementCount } from "../../tensor/tensor.ts";
import { type Graph, type GraphNode, producers, type Value } from "../graph.ts";
import { sizeOf } from "../ops.ts";
import { constantNodes } from "../subgraph.ts";
import { withGivenWeights } from "./given-weights.ts";

/** A linear layer whose weight is the sum of a stored one and of a product of thin matrices, as with LoRA. */
export interface ChangedLinear {
  readonly inner: number;
  readonly outer: number;
  readonly rank: number;
  /** How many vectors it is applied to. */
  readonly positions: number;
}

/**
 * `graph` with the thin matrices of those linear layers that are `chosen` multiplied beside the layer, at every run, rather
 * than with one another on loading: x·(W + u·d) is x·W + (x·d)·u. A weight that anything else reads stays a sum.
 */
export function withThinProducts(graph: Graph, chosen: (layer: ChangedLinear) => boolean): Graph {
  const constants = constantNodes(graph);
  const sums = new Map([...producers(graph)].filter(([, node]) => constants.has(node) && isThinSum(node)));
  if (sums.size === 0) return graph;
  const whole = new Set<Value>(graph.outputs.values());
  for (const node of graph.nodes) {
    const sum = node.inputs[1] && sums.get(node.inputs[1]);
    const isLayer = sum !== undefined && isLinear(node) && chosen(sizesOf(node, sum));
    node.inputs.forEach((input, i) => {
      if (input !== undefined && !(isLayer && i === 1)) whole.add(input);
    });
  }
  const nodes = graph.nodes.flatMap((node) => {
    const weight = node.inputs[1];
    const sum = weight && !whole.has(weight) ? sums.get(weight) : undefined;
    return sum === undefined ? [node] : besides(node, sum);
  });
  return withGivenWeights({ ...graph, nodes }, new Map());
}

/** Whether `node` adds a product of matrices to a weight. */
const isThinSum = ({ op, inputs, attributes: { transA = 0, transB = 0, beta = 1 } }: GraphNode): boolean =>
  op === "Gemm" && inputs.length === 3 && [transA, transB, beta].join() === "0,0,1";

const isLinear = ({ op, attributes: { transA, transB } }: GraphNode): boolean =>
  op === "FusedMatMul" && transA === 0 && transB === 1;

function sizesOf({ inputs: [x] }: GraphNode, { inputs: [up, down] }: GraphNode): ChangedLinear {
  const [from, left, right] = [x, up, down] as [Value, Value, Value];
  const inner = sizeOf(right, 1);
  return { inner, outer: sizeOf(left, 0), rank: sizeOf(left, 1), positions: elementCount(from.shape) / inner };
}

/** `layer` by the stored weight, and the product of thin matrices of its weight `sum` beside it. */
function besides(layer: GraphNode, sum: GraphNode): readonly GraphNode[] {
  const [x] = layer.inputs as [Value];
  const [up, down, stored] = sum.inputs as [Value, Value, Value];
  const result = layer.outputs[0]!;
  const like = (width: number, hint: string): Value => ({ ...result, shape: result.shape.with(-1, width), hint });
  const width = sizeOf(result, -1);
  const [whole, middle, thin] = [like(width, result.hint), like(sizeOf(down, 0), "thin_middle"), like(width, "thin")];
  const product = (a: Value, b: Value, to: Value, attributes: GraphNode["attributes"]): GraphNode => {
    return { ...layer, inputs: [a, b], outputs: [to], attributes, referenceMacs: 0 };
  };
  const added: GraphNode = {
    op: "Add",
    domain: "",
    inputs: [whole, thin],
    outputs: [result],
    attributes: {},
    referenceMacs: 0,
  };
  return [
    { ...layer, inputs: [x, stored], outputs: [whole] },
    // `down` is stored as the layers' weights are, [rank, inner], and so is `up`, [outer, rank].
    product(x, down, middle, layer.attributes),
    product(middle, up, thin, { ...layer.attributes, alpha: sum.attributes["alpha"] ?? { float: 1 } }),
    added,
  ];
}
