import { DTYPES } from "../../tensor/dtype.ts";
import { atOnce, type Turns } from "../../tensor/in-turns.ts";
import type { Attribute, ExternalData, Graph, GraphNode, Initializer, Value } from "../graph.ts";
import { nameValues } from "../names.ts";
import { type MessageWriter, messageWriter } from "./encode.ts";

/** The numbers of ONNX's fields that are written, by message. */
const MODEL = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8 };
const OPSET = { domain: 1, version: 2 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { name: 1, f: 2, i: 3, s: 4, ints: 8, type: 20 };
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9, externalData: 13, dataLocation: 14 };
const ENTRY = { key: 1, value: 2 };
const VALUE_INFO = { name: 1, type: 2 };
const TYPE = { tensorType: 1 };
const TENSOR_TYPE = { elemType: 1, shape: 2 };
const SHAPE = { dim: 1 };
const DIMENSION = { value: 1 };

/** Kinds of attributes, and of places where the bytes of a tensor lie, by ONNX's numbers. */
const KIND = { float: 1, integer: 2, text: 3, integers: 7 };
const EXTERNAL = 1;

/** ONNX operator set that the graphs are written for, and ONNX Runtime's own. */
const OPSETS = [
  { domain: "", version: 20 },
  { domain: "com.microsoft", version: 1 },
];
const IR_VERSION = 10;

/** Where the runtime finds the bytes of a weight. */
export type Locate = (data: ExternalData) => { readonly location: string; readonly offset: number };

const whereItLies: Locate = ({ source, offset }) => ({ location: source.path ?? source.name, offset });

/**
 * Serialises a graph as an ONNX model. Weights become external data at the place that `locate` gives: the location is
 * relative to the folder that the runtime is told, or the name of bytes that it is given. Weights without data are refused.
 */
export const writeModel = (graph: Graph, locate: Locate = whereItLies): Uint8Array =>
  atOnce(writeModelInTurns(graph, locate));

/** Parts of a graph that are written in one turn. */
const PART = 200;

/**
 * The same, part by part: protobuf joins the fields of messages that follow one another, so that the bytes of a graph are
 * those of its parts.
 */
export function* writeModelInTurns(graph: Graph, locate: Locate): Turns<Uint8Array> {
  checkOrder(graph);
  yield;
  const name = nameValues(graph);
  // An output that is an input, an initializer or another output under a second name needs a node of its own.
  const copies = [...graph.outputs].filter(([key, value]) => name(value) !== key);
  const used = new Set([...graph.nodes.flatMap((node) => node.inputs), ...copies.map(([, value]) => value)]);
  const to = messageWriter();
  for (const [i, node] of graph.nodes.entries()) {
    if (i % PART === 0) yield;
    to.message(GRAPH.node, () => {
      for (const input of node.inputs) to.text(NODE.input, input === undefined ? "" : name(input));
      for (const output of node.outputs) to.text(NODE.output, name(output));
      writeNode(to, nodeName(node, i), node);
    });
  }
  for (const [key, value] of copies) {
    to.message(GRAPH.node, () => {
      to.text(NODE.input, name(value));
      to.text(NODE.output, key);
      writeNode(to, `copy_${key}`, { op: "Identity", domain: undefined, attributes: {} });
    });
  }
  to.text(GRAPH.name, graph.name);
  const initializers = [...graph.initializers].filter(([value]) => used.has(value));
  for (const [i, [value, initializer]] of initializers.entries()) {
    if (i % PART === 0) yield;
    to.message(GRAPH.initializer, () => writeTensor(to, name(value), value, bytesOf(initializer, locate)));
  }
  yield;
  for (const [key, value] of graph.inputs) to.message(GRAPH.input, () => writeValueInfo(to, key, value));
  for (const [key, value] of graph.outputs) to.message(GRAPH.output, () => writeValueInfo(to, key, value));
  return modelOf(to.finish());
}

/** A model whose graph has been written already. */
function modelOf(graph: Uint8Array): Uint8Array {
  const to = messageWriter();
  to.integer(MODEL.irVersion, IR_VERSION);
  to.text(MODEL.producerName, "deepcache");
  to.bytes(MODEL.graph, graph);
  for (const { domain, version } of OPSETS) {
    to.message(MODEL.opsetImport, () => {
      to.text(OPSET.domain, domain);
      to.integer(OPSET.version, version);
    });
  }
  return to.finish();
}

/** What is written of a node behind the names of its inputs and outputs. */
type Operation = Pick<GraphNode, "op" | "attributes"> & { readonly domain: string | undefined };

function writeNode(to: MessageWriter, name: string, { op, attributes, domain }: Operation): void {
  to.text(NODE.name, name);
  to.text(NODE.opType, op);
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) to.message(NODE.attribute, () => writeAttribute(to, key, value));
  }
  if (domain !== undefined) to.text(NODE.domain, domain);
}

/** What node `index` of a graph is called in its model. */
export const nodeName = ({ op }: GraphNode, index: number): string => `${op}_${index}`;

/** Refuses a graph that reads what nothing before computes: ONNX Runtime would name neither the node nor the graph. */
function checkOrder({ name, inputs, outputs, nodes, initializers }: Graph): void {
  const known = new Set([...inputs.values(), ...initializers.keys()]);
  nodes.forEach((node, i) => {
    const unknown = node.inputs.find((input) => input !== undefined && !known.has(input));
    if (unknown !== undefined) {
      throw new RangeError(
        `Cannot write graph "${name}": node ${i}, ${node.op}, reads "${unknown.hint}", which nothing before it computes`,
      );
    }
    for (const output of node.outputs) known.add(output);
  });
  for (const [key, value] of outputs) {
    if (!known.has(value)) throw new RangeError(`Cannot write graph "${name}": nothing computes its output "${key}"`);
  }
}

function writeValueInfo(to: MessageWriter, name: string, { dtype, shape }: Value): void {
  to.text(VALUE_INFO.name, name);
  to.message(VALUE_INFO.type, () =>
    to.message(TYPE.tensorType, () => {
      to.integer(TENSOR_TYPE.elemType, DTYPES[dtype].onnxType);
      to.message(TENSOR_TYPE.shape, () => {
        for (const size of shape) to.message(SHAPE.dim, () => to.integer(DIMENSION.value, size));
      });
    }),
  );
}

/** The bytes of a tensor, or where they lie, by ONNX's keys. */
type Stored = Uint8Array | Readonly<Record<string, string>>;

function bytesOf(initializer: Initializer, locate: Locate): Stored {
  if (initializer.kind === "constant") {
    const { buffer, byteOffset, byteLength } = initializer.data;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  if (initializer.data === undefined) {
    throw new RangeError(`Cannot write weight "${initializer.name}": the graph was built without a checkpoint`);
  }
  const { location, offset } = locate(initializer.data);
  return { location, offset: String(offset), length: String(initializer.data.length) };
}

function writeTensor(to: MessageWriter, name: string, { dtype, shape }: Value, stored: Stored): void {
  for (const size of shape) to.integer(TENSOR.dims, size);
  to.integer(TENSOR.dataType, DTYPES[dtype].onnxType);
  to.text(TENSOR.name, name);
  if (stored instanceof Uint8Array) {
    to.bytes(TENSOR.rawData, stored);
    return;
  }
  for (const [key, value] of Object.entries(stored)) {
    to.message(TENSOR.externalData, () => {
      to.text(ENTRY.key, key);
      to.text(ENTRY.value, value);
    });
  }
  to.integer(TENSOR.dataLocation, EXTERNAL);
}

function writeAttribute(to: MessageWriter, name: string, value: Attribute): void {
  to.text(ATTRIBUTE.name, name);
  to.integer(ATTRIBUTE.type, writeAttributeValue(to, value));
}

/** Writes the value of an attribute, and gives its kind. */
function writeAttributeValue(to: MessageWriter, value: Attribute): number {
  if (typeof value === "string") {
    to.bytes(ATTRIBUTE.s, new TextEncoder().encode(value));
    return KIND.text;
  }
  if (typeof value === "number") {
    to.integer(ATTRIBUTE.i, value);
    return KIND.integer;
  }
  if ("float" in value) {
    to.float(ATTRIBUTE.f, value.float);
    return KIND.float;
  }
  for (const whole of value) to.integer(ATTRIBUTE.ints, whole);
  return KIND.integers;
}
