import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { DTYPES } from "../../tensor/dtype.ts";
import { atOnce, type Turns } from "../../tensor/in-turns.ts";
import type { Attribute, ExternalData, Graph, GraphNode, Initializer, Value } from "../graph.ts";
import { nameValues } from "../names.ts";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "./generated/onnx_pb.ts";

/** ONNX operator set that the graphs are written for, and ONNX Runtime's own. */
const OPSETS = [
  { domain: "", version: 20n },
  { domain: "com.microsoft", version: 1n },
];
const IR_VERSION = 10n;

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
  const written: Uint8Array[] = [];
  const write = (part: MessageInitShape<typeof GraphProtoSchema>): void => {
    written.push(toBinary(GraphProtoSchema, create(GraphProtoSchema, part)));
  };
  for (let i = 0; i < graph.nodes.length; i += PART) {
    yield;
    write({ node: graph.nodes.slice(i, i + PART).map((node, j) => nodeProto(node, i + j, name)) });
  }
  write({ node: copies.map(([key, value]) => copyProto(key, name(value))), name: graph.name });
  const initializers = [...graph.initializers].filter(([value]) => used.has(value));
  for (let i = 0; i < initializers.length; i += PART) {
    yield;
    write({
      initializer: initializers
        .slice(i, i + PART)
        .map(([value, initializer]) => tensorProto(name(value), value, initializer, locate)),
    });
  }
  yield;
  write({
    input: [...graph.inputs].map(([key, value]) => valueInfo(key, value)),
    output: [...graph.outputs].map(([key, value]) => valueInfo(key, value)),
  });
  return modelOf(written);
}

/** A model whose graph has been written already; the fields of a model are in the order of their numbers. */
function modelOf(graph: readonly Uint8Array[]): Uint8Array {
  const fields = (init: MessageInitShape<typeof ModelProtoSchema>): Uint8Array =>
    toBinary(ModelProtoSchema, create(ModelProtoSchema, init));
  const writer = new BinaryWriter();
  writer.raw(fields({ irVersion: IR_VERSION, producerName: "deepcache" }));
  writer.tag(ModelProtoSchema.field.graph.number, WireType.LengthDelimited);
  writer.uint32(graph.reduce((sum, { byteLength }) => sum + byteLength, 0));
  for (const part of graph) writer.raw(part);
  writer.raw(fields({ opsetImport: OPSETS }));
  return writer.finish();
}

type NodeInit = MessageInitShape<typeof NodeProtoSchema>;

function nodeProto(node: GraphNode, index: number, name: (value: Value) => string): NodeInit {
  return {
    name: nodeName(node, index),
    opType: node.op,
    domain: node.domain,
    input: node.inputs.map((input) => (input === undefined ? "" : name(input))),
    output: node.outputs.map(name),
    attribute: Object.entries(node.attributes).map(([key, value]) => attributeProto(key, value)),
  };
}

const copyProto = (output: string, input: string): NodeInit => ({
  name: `copy_${output}`,
  opType: "Identity",
  input: [input],
  output: [output],
});

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

/** Parses an ONNX model; a malformed one is an error of the protobuf library. */
export const readModel = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);

function valueInfo(name: string, { dtype, shape }: Value): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } }));
  const tensorType = { elemType: DTYPES[dtype].onnxType, shape: { dim } };
  return { name, type: { value: { case: "tensorType", value: tensorType } } };
}

function tensorProto(
  name: string,
  { dtype, shape }: Value,
  initializer: Initializer,
  locate: Locate,
): MessageInitShape<typeof TensorProtoSchema> {
  const described = { name, dataType: DTYPES[dtype].onnxType, dims: shape.map(BigInt) };
  if (initializer.kind === "constant") {
    const { buffer, byteOffset, byteLength } = initializer.data;
    return { ...described, rawData: new Uint8Array(buffer, byteOffset, byteLength) };
  }
  if (initializer.data === undefined) {
    throw new RangeError(`Cannot write weight "${initializer.name}": the graph was built without a checkpoint`);
  }
  const { location, offset } = locate(initializer.data);
  return {
    ...described,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: "location", value: location },
      { key: "offset", value: String(offset) },
      { key: "length", value: String(initializer.data.length) },
    ],
  };
}

function attributeProto(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "string") {
    return { name, type: AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if (typeof value === "number") return { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) };
  if ("float" in value) return { name, type: AttributeProto_AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
}
