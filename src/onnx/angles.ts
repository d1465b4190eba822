import { type Graph, type GraphNode, producers, type Value } from "./graph.ts";
import { ancestors } from "./subgraph.ts";

/** A graph whose sines and cosines are inputs, and what gives them. */
export interface SeparateAngles {
  readonly graph: Graph;
  /** The inputs of the whole graph that they are computed from. */
  readonly needs: readonly string[];
  /** Sines and cosines by the names of inputs of `graph`, from the values of what they need. */
  compute(given: ReadonlyMap<string, Float32Array>): Readonly<Record<string, Wave>>;
}

/** Values of a sine or cosine. */
export interface Wave {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

type Compute = (inputs: readonly [Float32Array, Float32Array], node: GraphNode) => Float32Array;

/** What stands between an input and a sine, rounded to float32 as a CPU does it. */
const OPERATIONS: Readonly<Record<string, Compute>> = {
  Reshape: ([x]) => x,
  Identity: ([x]) => x,
  Mul: multiplied,
  Sin: ([x]) => x.map(Math.sin),
  Cos: ([x]) => x.map(Math.cos),
};

/**
 * Takes sines and cosines of what is fed out of `graph`, a few hundred numbers at an evaluation: on a GPU their error grows
 * with the angle, which for a timestep is up to 999. Undefined where there are none, or where they depend on more.
 */
export function separateAngles(graph: Graph): SeparateAngles | undefined {
  const producer = producers(graph);
  const waves = graph.nodes.filter(({ op }) => op === "Sin" || op === "Cos").flatMap(({ outputs }) => outputs);
  const before = ancestors(waves, producer);
  const names = new Map([...graph.inputs].map(([name, value]) => [value, name] as const));
  const isGiven = (value: Value): boolean =>
    graph.initializers.get(value)?.kind === "constant" || (names.has(value) && value.dtype === "F32");
  const steps = graph.nodes.filter((node) => before.has(node));
  const known = steps.every(
    ({ op, inputs }) =>
      Object.hasOwn(OPERATIONS, op) &&
      inputs.every((input) => input !== undefined && (producer.has(input) || isGiven(input))),
  );
  if (waves.length === 0 || !known) return undefined;

  const taken = new Map(waves.map((value, i) => [value, `wave_${i}`] as const));
  const others = new Map([...producer].filter(([value]) => !taken.has(value)));
  const left = ancestors([...graph.outputs.values()], others);
  const nodes = graph.nodes.filter((node) => left.has(node));
  const read = new Set<Value | undefined>([...nodes.flatMap((node) => node.inputs), ...graph.outputs.values()]);
  const kept = [...graph.inputs].filter(([, value]) => read.has(value));
  const fed = new Set(steps.flatMap((node) => node.inputs));
  return {
    graph: {
      ...graph,
      nodes,
      inputs: new Map([...kept, ...[...taken].map(([value, name]) => [name, value] as const)]),
    },
    needs: [...graph.inputs].flatMap(([name, value]) => (fed.has(value) ? [name] : [])),
    compute(given) {
      const values = new Map([...names].map(([value, name]) => [value, given.get(name)] as const));
      const numbersOf = (value: Value | undefined): Float32Array => {
        const initializer = value && graph.initializers.get(value);
        if (initializer?.kind === "constant") return Float32Array.from(initializer.data, Number);
        return (value && values.get(value)) ?? new Float32Array();
      };
      for (const node of steps) {
        const compute = OPERATIONS[node.op] as Compute;
        values.set(node.outputs[0]!, compute([numbersOf(node.inputs[0]), numbersOf(node.inputs[1])], node));
      }
      return Object.fromEntries(
        [...taken].map(([value, name]) => [name, { data: numbersOf(value), dims: value.shape } satisfies Wave]),
      );
    },
  };
}

function multiplied([a, b]: readonly [Float32Array, Float32Array], { inputs, outputs }: GraphNode): Float32Array {
  const shape = outputs[0]?.shape ?? [];
  const [first, second] = [
    strides(inputs[0]?.shape ?? [], shape.length),
    strides(inputs[1]?.shape ?? [], shape.length),
  ];
  const size = shape.reduce((product, side) => product * side, 1);
  return Float32Array.from({ length: size }, (_, i) => {
    let [rest, atA, atB] = [i, 0, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const place = rest % shape[axis]!;
      rest = (rest - place) / shape[axis]!;
      atA += place * first[axis]!;
      atB += place * second[axis]!;
    }
    return a[atA]! * b[atB]!;
  });
}

/** Elements from one place of an axis to the next; 0 where a shape is repeated along it. */
function strides(shape: readonly number[], rank: number): readonly number[] {
  const found = new Array<number>(rank).fill(0);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const side = shape[axis]!;
    found[rank - shape.length + axis] = side === 1 ? 0 : step;
    step *= side;
  }
  return found;
}
