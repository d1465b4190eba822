import { elementCount } from "../../tensor/tensor.ts";
import type { Attribute, Graph, GraphNode, Initializer, Value } from "../graph.ts";
import { sizeOf } from "../ops.ts";

/**
 * `graph` with its linear layers as `Gemm` between two `Reshape`, bias included, in place of `FusedMatMul` and `Add`: for
 * devices that have no kernel for `FusedMatMul`, where every layer would be computed on the CPU.
 */
export function productsAsGemm(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const additions = biasesAdded(graph);
  const products = new Map([...additions].map(([product, addition]) => [addition, product] as const));
  const nodes = graph.nodes.flatMap((node) => {
    const product = products.get(node); // where a bias is added, it is known
    if (product !== undefined) return asGemm(product, node, initializers);
    return isLinear(node) ? (additions.has(node) ? [] : asGemm(node, undefined, initializers)) : [node];
  });
  return { ...graph, nodes, initializers };
}

const isLinear = ({ op, inputs: [, weight], attributes: { transA, transB, alpha } }: GraphNode): boolean =>
  op === "FusedMatMul" &&
  weight?.shape.length === 2 &&
  transA === 0 &&
  transB === 1 &&
  typeof alpha === "object" &&
  "float" in alpha &&
  alpha.float === 1;

/** By linear layer, the addition of its bias where nothing else reads the product. */
function biasesAdded(graph: Graph): ReadonlyMap<GraphNode, GraphNode> {
  const readers = new Map<Value, GraphNode[]>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) if (input !== undefined) readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  const given = new Set(graph.outputs.values());
  return new Map(
    graph.nodes.filter(isLinear).flatMap((node): [GraphNode, GraphNode][] => {
      const product = node.outputs[0]!;
      const [reader, ...others] = readers.get(product) ?? [];
      if (reader === undefined || others.length > 0 || given.has(product)) return [];
      const bias = otherInput(reader, product);
      const fits = reader.op === "Add" && bias?.shape.join() === `${sizeOf(product, -1)}`;
      return fits ? [[node, reader]] : [];
    }),
  );
}

const otherInput = ({ inputs }: GraphNode, one: Value): Value | undefined => inputs.find((input) => input !== one);

function asGemm(
  node: GraphNode,
  addition: GraphNode | undefined,
  initializers: Map<Value, Initializer>,
): readonly GraphNode[] {
  const [x, weight] = node.inputs as readonly [Value, Value];
  const product = node.outputs[0]!;
  const result = addition?.outputs[0] ?? product;
  const bias = addition && otherInput(addition, product);
  const [inner, width] = [sizeOf(x, -1), sizeOf(product, -1)];
  const positions = elementCount(x.shape) / inner;
  const like = (shape: readonly number[], hint: string): Value => ({ ...product, shape, hint });
  const emit = (op: string, inputs: readonly Value[], to: Value, attributes: Attributes = {}): GraphNode => {
    return { op, domain: "", inputs, outputs: [to], attributes, referenceMacs: 0 };
  };
  const reshape = (from: Value, to: Value): GraphNode => {
    const shape: Value = { ...like([to.shape.length], "constant"), dtype: "I64" };
    initializers.set(shape, { kind: "constant", data: BigInt64Array.from(to.shape, BigInt) });
    return emit("Reshape", [from, shape], to);
  };
  const rows = x.shape.length === 2 ? x : like([positions, inner], "rows");
  const flat = result.shape.length === 2 ? result : like([positions, width], "Gemm");
  const gemm = emit("Gemm", [rows, weight, ...(bias === undefined ? [] : [bias])], flat, {
    transA: 0,
    transB: 1,
    alpha: { float: 1 },
    beta: { float: 1 },
  });
  const macs = node.referenceMacs + (addition?.referenceMacs ?? 0);
  return [
    ...(rows === x ? [] : [reshape(x, rows)]),
    { ...gemm, referenceMacs: macs, ...(node.ofWeights ? { ofWeights: true } : {}) },
    ...(flat === result ? [] : [reshape(flat, result)]),
  ];
}

type Attributes = Readonly<Record<string, Attribute>>;
