import { elementCount } from "../../tensor/tensor.ts";
import { type Graph, type GraphNode, producers, type Value } from "../graph.ts";
import { ancestors } from "../subgraph.ts";

/** A graph that is given numbers which it would compute from its inputs, and what computes them. */
export interface GivenNumbers {
  readonly graph: Graph;
  /** The inputs of the whole graph that they are computed from. */
  readonly needs: readonly string[];
  /** The numbers by the names of inputs of `graph`, from the values of what they need. */
  compute(inputs: ReadonlyMap<string, Numbers["data"]>): Readonly<Record<string, Numbers>>;
}

/** Values of a tensor. */
export interface Numbers {
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

type Compute = (inputs: readonly [Float64Array, Float64Array], node: GraphNode) => Float64Array;

/** What is computed here, before it is rounded to the type of the result. */
const OPERATIONS: Readonly<Record<string, Compute>> = {
  Reshape: ([x]) => x,
  Identity: ([x]) => x,
  Cast: ([x]) => x,
  Add: elementwise((a, b) => a + b),
  Mul: elementwise((a, b) => a * b),
  Equal: elementwise((a, b) => Number(a === b)),
  Sin: ([x]) => x.map(Math.sin),
  Cos: ([x]) => x.map(Math.cos),
  ArgMax: ([x], { inputs }) => largest(x, inputs[0]?.shape.at(-1) ?? 1),
};

/**
 * Takes out of `graph` sines and cosines of its inputs, and whole numbers that it computes from them: a few hundred at an
 * evaluation. On a GPU the error of a sine grows with the angle, which for a timestep is up to 999, and ONNX Runtime has few
 * kernels for whole numbers there. Undefined where there are none.
 */
export function separateNumbers(graph: Graph): GivenNumbers | undefined {
  const names = new Map([...graph.inputs].map(([name, value]) => [value, name] as const));
  const known = new Set<Value | undefined>(names.keys());
  for (const [value, { kind }] of graph.initializers) if (kind === "constant") known.add(value);
  const targets: Value[] = [];
  for (const { op, inputs, outputs } of graph.nodes) {
    if (!Object.hasOwn(OPERATIONS, op) || !inputs.every((input) => known.has(input))) continue;
    for (const output of outputs) known.add(output);
    if (isWanted(op, outputs[0])) targets.push(...outputs);
  }
  if (targets.length === 0) return undefined;

  const producer = producers(graph);
  const before = ancestors(targets, producer);
  const steps = graph.nodes.filter((node) => before.has(node));
  const others = graph.nodes.filter((node) => !before.has(node));
  const readByOthers = new Set<Value | undefined>([
    ...others.flatMap(({ inputs }) => inputs),
    ...graph.outputs.values(),
  ]);
  const taken = new Map(targets.filter((value) => readByOthers.has(value)).map((value, i) => [value, `given_${i}`]));
  const left = ancestors([...graph.outputs.values()], new Map([...producer].filter(([value]) => !taken.has(value))));
  const nodes = graph.nodes.filter((node) => left.has(node));
  const read = new Set<Value | undefined>([...nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.values()]);
  const kept = [...graph.inputs].filter(([, value]) => read.has(value));
  const fed = new Set(steps.flatMap(({ inputs }) => inputs));
  return {
    graph: {
      ...graph,
      nodes,
      inputs: new Map([...kept, ...[...taken].map(([value, name]) => [name, value] as const)]),
    },
    needs: [...graph.inputs].flatMap(([name, value]) => (fed.has(value) ? [name] : [])),
    compute(inputs) {
      const values = new Map([...names].map(([value, name]) => [value, widened(inputs.get(name))] as const));
      const numbersOf = (value: Value | undefined): Float64Array => {
        const initializer = value && graph.initializers.get(value);
        if (initializer?.kind === "constant") return widened(initializer.data);
        return (value && values.get(value)) ?? new Float64Array();
      };
      for (const node of steps) {
        const result = OPERATIONS[node.op]?.([numbersOf(node.inputs[0]), numbersOf(node.inputs[1])], node);
        const [output] = node.outputs as readonly [Value];
        values.set(output, output.dtype === "F32" ? widened(Float32Array.from(result ?? [])) : (result ?? widened()));
      }
      return Object.fromEntries([...taken].map(([value, name]) => [name, numbersFor(value, numbersOf(value))]));
    },
  };
}

/** Whether a result is better computed here than on a device. */
const isWanted = (op: string, output: Value | undefined): boolean =>
  op === "Sin" || op === "Cos" || output?.dtype === "I64";

const widened = (values: ArrayLike<number | bigint> = []): Float64Array => Float64Array.from(values, Number);

const numbersFor = ({ dtype, shape }: Value, values: Float64Array): Numbers => ({
  data: dtype === "I64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values),
  dims: shape,
});

function elementwise(compute: (a: number, b: number) => number): Compute {
  return ([a, b], { inputs, outputs }) => {
    const shape = outputs[0]?.shape ?? [];
    const [first, second] = [placesIn(inputs[0]?.shape ?? [], shape), placesIn(inputs[1]?.shape ?? [], shape)];
    return Float64Array.from({ length: elementCount(shape) }, (_, i) => compute(a[first(i)] ?? 0, b[second(i)] ?? 0));
  };
}

/** The element of a tensor of `shape` that element `i` of one of `result` is computed from. */
function placesIn(shape: readonly number[], result: readonly number[]): (i: number) => number {
  return (i) => {
    let [rest, place, step] = [i, 0, 1];
    for (let axis = result.length - 1; axis >= 0; axis--) {
      const [side = 1, own = 1] = [result[axis], shape[axis - result.length + shape.length]];
      place += own === 1 ? 0 : (rest % side) * step;
      rest = Math.floor(rest / side);
      step *= own;
    }
    return place;
  };
}

/** Where the largest of every `length` numbers is, the first of equal ones. */
function largest(x: Float64Array, length: number): Float64Array {
  return Float64Array.from({ length: x.length / length }, (_, row) => {
    const numbers = x.subarray(row * length, (row + 1) * length);
    return numbers.indexOf(Math.max(...numbers));
  });
}
