import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { add, clip, multiply } from "../../src/onnx/ops.ts";
import { writeModel } from "../../src/onnx/protobuf/model.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { AttributeProto_AttributeType, TensorProto_DataLocation } from "../support/onnx/generated/onnx_pb.ts";
import { readModel } from "../support/onnx/read-model.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const reread = (graph: Graph) => {
  const model = readModel(writeModel(graph));
  if (model.graph === undefined) throw new Error("The model has no graph");
  return model.graph;
};

describe("writeModel()", () => {
  test("declares the operator sets that its nodes are written for", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [1]);
    const { irVersion, producerName, opsetImport, graph } = readModel(writeModel(builder.finish({ y: add(x, x) })));
    expect({ irVersion, producerName, name: graph?.name }).toEqual({
      irVersion: 10n,
      producerName: "deepcache",
      name: "g",
    });
    expect(opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
      ["", 20n],
      ["com.microsoft", 1n],
    ]);
  });

  test("writes omitted inputs as empty names", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [2]);
    const y = builder.node("Clip", [x, undefined, builder.constant(Float32Array.of(1), [])], x);
    expect(reread(builder.finish({ y })).node[0]?.input).toEqual(["x", "", "constant_0"]);
  });

  test("writes attributes of every kind without loss", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [2]);
    const attributes = {
      zero: 0,
      negative: -1,
      large: Number.MAX_SAFE_INTEGER,
      small: Number.MIN_SAFE_INTEGER,
      list: [0, -3, 2 ** 40],
      none: [],
      text: "größer ≥",
      empty: "",
      float: { float: 0.1 },
      minus: { float: -0 },
      infinite: { float: Number.NEGATIVE_INFINITY },
    };
    const [node] = reread(builder.finish({ y: builder.node("Any", [x], x, { domain: "test", attributes }) })).node;
    expect([node?.opType, node?.domain]).toEqual(["Any", "test"]);
    const { INT, INTS, STRING, FLOAT } = AttributeProto_AttributeType;
    const text = new TextDecoder();
    const read = node?.attribute.map(({ name, type, i, ints, s, f }) => {
      const values = { [INT]: i, [INTS]: ints, [STRING]: text.decode(s), [FLOAT]: f } as Record<number, unknown>;
      return [name, type, values[type]];
    });
    expect(read).toEqual([
      ["zero", INT, 0n],
      ["negative", INT, -1n],
      ["large", INT, BigInt(Number.MAX_SAFE_INTEGER)],
      ["small", INT, BigInt(Number.MIN_SAFE_INTEGER)],
      ["list", INTS, [0n, -3n, 2n ** 40n]],
      ["none", INTS, []],
      ["text", STRING, "größer ≥"],
      ["empty", STRING, ""],
      ["float", FLOAT, Math.fround(0.1)],
      ["minus", FLOAT, -0],
      ["infinite", FLOAT, Number.NEGATIVE_INFINITY],
    ]);
  });

  test("refuses a fraction as a whole number", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [2]);
    const graph = builder.finish({ y: builder.node("Any", [x], x, { attributes: { axis: 0.5 } }) });
    expect(() => writeModel(graph)).toThrow(RangeError);
  });

  test("points to a weight's bytes by location, offset and length", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F16", [2, 3]);
    const data = { source: memorySource(new Uint8Array(), "weights"), offset: 12_345_678_901, length: 12 };
    const weight = builder.weight("conv.weight", "F16", [2, 3], data);
    const model = readModel(
      writeModel(builder.finish({ y: add(x, weight) }), ({ source, offset }) => ({
        location: `${source.name}.bin`,
        offset,
      })),
    );
    const [initializer, ...others] = model.graph?.initializer ?? [];
    expect(others).toEqual([]);
    expect(initializer).toMatchObject({
      name: "conv.weight",
      dataType: 10,
      dims: [2n, 3n],
      dataLocation: TensorProto_DataLocation.EXTERNAL,
    });
    expect(initializer?.rawData).toHaveLength(0);
    expect(initializer?.externalData.map(({ key, value }) => [key, value])).toEqual([
      ["location", "weights.bin"],
      ["offset", "12345678901"],
      ["length", "12"],
    ]);
  });

  test("writes constants as they lie in memory, views included", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [2]);
    const constant = builder.constant(Float32Array.of(9, 0.5, -2, 9).subarray(1, 3), [2]);
    const [initializer] = reread(builder.finish({ y: add(x, constant) })).initializer;
    expect(initializer).toMatchObject({ dataType: 1, dims: [2n], dataLocation: TensorProto_DataLocation.DEFAULT });
    const { buffer, byteOffset, byteLength } = initializer?.rawData ?? new Uint8Array();
    expect([...new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))]).toEqual([0.5, -2]);
  });

  test("refuses a weight without data and leaves out weights that nothing reads", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [2]);
    const weight = builder.weight("conv.weight", "F32", [2], undefined);
    expect(reread(builder.finish({ y: add(x, x) })).initializer).toEqual([]);
    expect(() => writeModel(builder.finish({ y: add(x, weight) }))).toThrow(
      new RangeError('Cannot write weight "conv.weight": the graph was built without a checkpoint'),
    );
  });

  test("refuses nodes and outputs that read what nothing computes", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [2]);
    const stranger = graphBuilder("other").input("stranger", "F32", [2]);
    expect(() => writeModel(builder.finish({ y: stranger }))).toThrow(
      new RangeError('Cannot write graph "g": nothing computes its output "y"'),
    );
    const graph = builder.finish({ y: multiply(add(x, x), x) });
    const backwards = { ...graph, nodes: graph.nodes.toReversed() };
    expect(() => writeModel(backwards)).toThrow(
      new RangeError('Cannot write graph "g": node 0, Mul, reads "Add", which nothing before it computes'),
    );
  });

  test("gives outputs that are inputs, constants or other outputs a node of their own", async () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [2]);
    const sum = add(x, x);
    const half = builder.constant(Float32Array.of(0.5), [1]);
    const outputs: Record<string, Value> = {
      sum,
      again: sum,
      third: sum,
      same: x,
      twice: x,
      half,
      Add_0: clip(sum, 0, 3),
    };
    const graph = builder.finish(outputs);
    const written = reread(graph);
    expect(written.output.map(({ name }) => name)).toEqual(Object.keys(outputs));
    const produced = written.node.flatMap(({ output }) => output);
    expect(new Set(produced).size).toBe(produced.length);
    expect(produced).toEqual(expect.arrayContaining(Object.keys(outputs)));
    const results = await runGraph(graph, { x: tensor(Float32Array.of(1, 2), [2]) });
    expect(Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, [...data]]))).toEqual({
      sum: [2, 4],
      again: [2, 4],
      third: [2, 4],
      same: [1, 2],
      twice: [1, 2],
      half: [0.5],
      Add_0: [2, 3],
    });
  });
});
