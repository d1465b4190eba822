import { bfloat16ToFloat32, float16ToFloat32 } from "../../tensor/half.ts";
import type { ExternalData, Graph, GraphNode, Initializer, Value, WeightSource } from "../graph.ts";

/** The types that are widened here, two bytes each. */
const WIDEN = { F16: float16ToFloat32, BF16: bfloat16ToFloat32 } as const;

type Narrow = keyof typeof WIDEN;

/**
 * `graph` with its half-precision weights as float32 ones, which are widened as they are read: for devices that refuse what is
 * half-precision, or whose runtime would widen all weights in a memory that is too small for them.
 */
export function widenedWeights(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const sources = wideSources();
  const nodes = graph.nodes.filter((node) => {
    const wide = wideInitializer(graph, node, sources);
    if (wide !== undefined) initializers.set(node.outputs[0]!, wide);
    return wide === undefined;
  });
  if (nodes.length === graph.nodes.length) return graph;
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  for (const [value, { kind }] of graph.initializers)
    if (kind === "weight" && !read.has(value)) initializers.delete(value);
  return { ...graph, nodes, initializers };
}

type WideSources = ReturnType<typeof wideSources>;

/** The weight that a cast of a narrow one gives. */
function wideInitializer(
  graph: Graph,
  { op, inputs, outputs }: GraphNode,
  sources: WideSources,
): Initializer | undefined {
  const [narrow] = inputs as readonly (Value | undefined)[];
  const initializer = narrow && graph.initializers.get(narrow);
  if (op !== "Cast" || outputs[0]?.dtype !== "F32" || initializer?.kind !== "weight" || !(narrow!.dtype in WIDEN)) {
    return undefined;
  }
  const { data, name } = initializer;
  return { kind: "weight", name, data: data && sources(data, narrow!.dtype as Narrow) };
}

/** For narrow data, the same widened; what lies side by side in a file does so as well in what it is widened to. */
function wideSources(): (data: ExternalData, dtype: Narrow) => ExternalData {
  const known = new Map<WeightSource, Map<string, WeightSource>>();
  return ({ source, offset, length }, dtype) => {
    const own = known.get(source) ?? new Map<string, WeightSource>();
    known.set(source, own);
    const key = `${dtype} ${offset % 2}`; // numbers that begin at odd bytes are not read along with others
    const wide = own.get(key) ?? wideSource(source, dtype);
    own.set(key, wide);
    return { source: wide, offset: 2 * offset, length: 2 * length };
  };
}

function wideSource(source: WeightSource, dtype: Narrow): WeightSource {
  const { name, state } = source;
  return {
    name,
    async read(offset, length) {
      const narrow = await source.read(offset / 2, length / 2);
      const bits = new Uint16Array(narrow.slice().buffer); // aligned
      return new Uint8Array(WIDEN[dtype](bits).buffer);
    },
    ...(state === undefined ? {} : { state: () => state.call(source) }),
  };
}
