import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import { type Graph, type GraphNode, producers, type Value } from "../graph.ts";

/** Operations that run in float16 wherever they stand: where the time goes, and where sums are kept in float32. */
const HALVED = new Set(["Conv", "FusedConv", "Gemm", "MatMul", "FusedMatMul"]);

/** Operations that run in float16 if something that they work on is float16 already. */
const FOLLOWING = new Set([
  ...["Add", "Sub", "Mul", "Relu", "Sigmoid", "Tanh", "Gelu", "QuickGelu", "BiasSplitGelu"],
  ...["Concat", "Identity", "Reshape", "Resize", "Slice", "Transpose"],
]);

/**
 * `graph` with convolutions, matrix products and what lies between them in float16. Norms with what scales and
 * activates them, attention with its softmax, and everything else stay float32, as do inputs and outputs.
 */
export function halfPrecision(graph: Graph): Graph {
  const producer = producers(graph);
  const nodes: GraphNode[] = [];
  /** Values of the graph in float16; those of `halfFirst` are computed so, the others cast. */
  const halves = new Map<Value, Value>();
  const halfFirst = new Set<Value>();
  const cast = (from: Value, to: Value): Value => {
    const attributes = { to: DTYPES[to.dtype].onnxType };
    nodes.push({ op: "Cast", domain: "", inputs: [from], outputs: [to], attributes, referenceMacs: 0 });
    return to;
  };
  const half = (value: Value): Value => {
    const node = producer.get(value);
    const stored = node?.op === "Cast" ? node.inputs[0] : undefined; // such as a weight that its file has in float16
    const found = halves.get(value) ?? (stored?.dtype === "F16" ? stored : cast(value, withDtype(value, "F16")));
    halves.set(value, found);
    return found;
  };
  /** Puts the float32 form of a value that is computed in float16 where it can be read. */
  const full = (value: Value): void => {
    const source = halfFirst.has(value) ? halves.get(value) : undefined;
    if (source === undefined) return;
    halfFirst.delete(value);
    cast(source, value);
  };
  const computed = new Set<Value>();

  for (const node of graph.nodes) {
    const inputs = node.inputs.filter((input) => input !== undefined);
    const isHalved = HALVED.has(node.op) && !node.ofWeights; // weights are changed in full and then rounded, once
    if (isHalved || (FOLLOWING.has(node.op) && inputs.some((input) => computed.has(input)))) {
      const outputs = node.outputs.map((value) => {
        const twin = withDtype(value, "F16");
        halves.set(value, twin);
        halfFirst.add(value);
        computed.add(value);
        return twin;
      });
      const halved = node.inputs.map((input, i) => (input?.dtype === "F32" && isData(node, i) ? half(input) : input));
      nodes.push({ ...node, inputs: halved, outputs });
    } else {
      inputs.forEach(full);
      nodes.push(node);
    }
  }
  for (const value of graph.outputs.values()) full(value);
  return { ...graph, nodes: reached(nodes, [...graph.outputs.values()]) };
}

const withDtype = (value: Value, dtype: Dtype): Value => ({ ...value, dtype });

/** Whether input `index` of `node` has the type of the result: not so Resize's region and factors. */
const isData = ({ op }: GraphNode, index: number): boolean => op !== "Resize" || index === 0;

/** The nodes that `outputs` depend on. */
function reached(nodes: readonly GraphNode[], outputs: readonly Value[]): GraphNode[] {
  const wanted = new Set<Value | undefined>(outputs);
  const kept = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => wanted.has(output))) return false;
    for (const input of node.inputs) wanted.add(input);
    return true;
  });
  return kept.reverse();
}
