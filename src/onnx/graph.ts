import { DTYPES, type Dtype } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/tensor.ts";

/** A tensor that flows through a graph; its identity is the object, its name is given when the graph is written. */
export interface Value {
  readonly builder: Builder;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** What the printed name starts from; need not be unique. */
  readonly hint: string;
}

export type Attribute = number | string | readonly number[] | { readonly float: number };

/** One operation of a graph. */
export interface GraphNode {
  readonly op: string;
  /** "" is ONNX's own operator set, "com.microsoft" ONNX Runtime's. */
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Operations as the paper's counter (DeepCache's flops.py) counts the layer that this node stands for. */
  readonly referenceMacs: number;
  /** Set where it depends on weights alone: a part of loading, not of an evaluation. */
  readonly ofWeights?: true;
}

/** Where the bytes of weights lie outside of a graph. */
export interface WeightSource {
  /** What messages call it. */
  readonly name: string;
  /** Of a file on disk: its path, from which ONNX Runtime reads by itself. */
  readonly path?: string | undefined;
  /** Tells its bytes from those of other files and of other versions of it, where something does. */
  readonly identity?: string | undefined;
  /** The bytes `offset … offset + length`. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** The same bytes as a Blob, of which nothing is read before somebody asks; missing where that would cost a copy. */
  blob?(offset: number, length: number): Promise<Blob>;
  /** What has become of them since they were found; missing where nothing can. */
  state?(): "same" | "replaced" | "removed" | "changed";
}

/** Bytes outside of a graph. */
export interface ExternalData {
  readonly source: WeightSource;
  readonly offset: number;
  readonly length: number;
}

/** Constants live in the graph; weights are described only, and have no data where no checkpoint was given. */
export type Initializer =
  | { readonly kind: "constant"; readonly data: Float32Array | BigInt64Array | Int32Array }
  | { readonly kind: "weight"; readonly name: string; readonly data: ExternalData | undefined };

/** A computation over values; several graphs may share the same values. */
export interface Graph {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  /** In an order in which they can run. */
  readonly nodes: readonly GraphNode[];
  readonly initializers: ReadonlyMap<Value, Initializer>;
}

export interface OpOptions {
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly hint?: string;
}

/** Records nodes in the order in which they are asked for. */
export interface Builder {
  input(name: string, dtype: Dtype, shape: readonly number[]): Value;
  constant(data: Float32Array | BigInt64Array | Int32Array, shape: readonly number[]): Value;
  weight(name: string, dtype: Dtype, shape: readonly number[], data: ExternalData | undefined): Value;
  /** Appends a node with one output of the given type. */
  node(
    op: string,
    inputs: readonly (Value | undefined)[],
    output: { readonly dtype: Dtype; readonly shape: readonly number[] },
    options?: OpOptions,
  ): Value;
  /** Says how many operations the paper's counter sees in the layer that ends in `value`; returns `value`. */
  tally(value: Value, referenceMacs: number): Value;
  finish(outputs: Readonly<Record<string, Value>>): Graph;
}

/** Starts an empty graph. */
export function graphBuilder(name: string): Builder {
  const inputs = new Map<string, Value>();
  const nodes: (GraphNode & { referenceMacs: number })[] = [];
  const initializers = new Map<Value, Initializer>();
  const shared = new Map<string, Value>();
  const ofWeights = new Set<Value>();
  const builder: Builder = {
    input(inputName, dtype, shape) {
      if (inputs.has(inputName)) throw new RangeError(`Cannot add input "${inputName}" to graph "${name}" twice`);
      const value = newValue(builder, dtype, shape, inputName);
      inputs.set(inputName, value);
      return value;
    },
    constant(data, shape) {
      const key = data.length <= 16 ? `${data.constructor.name}[${shape}]:${digitsOf(data)}` : undefined;
      const known = key === undefined ? undefined : shared.get(key);
      if (known !== undefined) return known;
      if (data.length !== elementCount(shape)) {
        throw new RangeError(`Cannot make a constant [${shape}] of ${data.length} values`);
      }
      const dtype = data instanceof Float32Array ? "F32" : data instanceof Int32Array ? "I32" : "I64";
      const value = newValue(builder, dtype, shape, "constant");
      initializers.set(value, { kind: "constant", data });
      if (key !== undefined) shared.set(key, value);
      return value;
    },
    weight(weightName, dtype, shape, data) {
      const expected = elementCount(shape) * DTYPES[dtype].bytes;
      if (data !== undefined && data.length !== expected) {
        throw new RangeError(`Weight "${weightName}" ${dtype}[${shape}] takes ${expected} bytes, not ${data.length}`);
      }
      const value = newValue(builder, dtype, shape, weightName);
      initializers.set(value, { kind: "weight", name: weightName, data });
      return value;
    },
    node(op, nodeInputs, output, { domain = "", attributes = {}, hint = op } = {}) {
      const value = newValue(builder, output.dtype, output.shape, hint);
      const node = { op, domain, inputs: nodeInputs, outputs: [value], attributes, referenceMacs: 0 };
      if (nodeInputs.every((input) => input === undefined || initializers.has(input) || ofWeights.has(input))) {
        ofWeights.add(value);
        nodes.push({ ...node, ofWeights: true });
      } else nodes.push(node);
      return value;
    },
    tally(value, referenceMacs) {
      const node = nodes.findLast(({ outputs }) => outputs.includes(value));
      if (node === undefined) throw new RangeError(`Cannot tally "${value.hint}": no node of "${name}" computes it`);
      node.referenceMacs += referenceMacs;
      return value;
    },
    finish(outputs) {
      return { name, inputs, outputs: new Map(Object.entries(outputs)), nodes, initializers };
    },
  };
  return builder;
}

/** What tells constants apart: -0 from 0 as well. */
function digitsOf(data: Float32Array | BigInt64Array | Int32Array): string {
  if (!(data instanceof Float32Array)) return data.join();
  return data.some((value) => Object.is(value, -0)) ? `${new Uint32Array(data.slice().buffer)} bits` : data.join();
}

function newValue(builder: Builder, dtype: Dtype, shape: readonly number[], hint: string): Value {
  if (!shape.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new RangeError(`Value "${hint}" cannot have shape [${shape}]: sizes are whole numbers`);
  }
  return { builder, dtype, shape, hint };
}

/** The node that produces each value of a graph. */
export function producers({ nodes }: Graph): ReadonlyMap<Value, GraphNode> {
  const producer = new Map<Value, GraphNode>();
  for (const node of nodes) for (const output of node.outputs) producer.set(output, node);
  return producer;
}
