import { toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { type Attribute, type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { nameValues } from "../../src/onnx/names.ts";
import { type Locate, writeModel } from "../../src/onnx/protobuf/model.ts";
import { DTYPES, type Dtype } from "../../src/tensor/dtype.ts";
import { elementCount } from "../../src/tensor/tensor.ts";
import { ModelProtoSchema } from "../support/onnx/generated/onnx_pb.ts";
import { readModel } from "../support/onnx/read-model.ts";

const DTYPE = fc.constantFrom(...(Object.keys(DTYPES) as Dtype[]));
const SHAPE = fc.array(fc.nat({ max: 5 }), { maxLength: 4 });
/** Names that are likely to meet invented ones. */
const HINT = fc.constantFrom("Add", "Add_0", "Add_1", "a.b", "constant", "constant_0", "copy", "x", "__proto__");
const ATTRIBUTE: fc.Arbitrary<Attribute> = fc.oneof(
  fc.maxSafeInteger(),
  fc.string({ unit: "grapheme" }),
  fc.array(fc.maxSafeInteger(), { maxLength: 5 }),
  fc.record({ float: fc.float() }),
);
const NODE = fc.record({
  op: HINT,
  domain: fc.constantFrom("", "com.microsoft"),
  inputs: fc.array(fc.option(fc.nat()), { maxLength: 4 }),
  output: fc.record({ dtype: DTYPE, shape: SHAPE }),
  attributes: fc.dictionary(fc.string(), ATTRIBUTE, { maxKeys: 3, noNullPrototype: true }),
  hint: HINT,
});
const INITIALIZER = fc.oneof(
  fc.record({ values: fc.array(fc.float(), { maxLength: 20 }) }),
  fc.record({ hint: HINT, dtype: DTYPE, shape: SHAPE, path: fc.string(), offset: fc.maxSafeInteger() }),
);
const INPUT = fc.record({ name: HINT, dtype: DTYPE, shape: SHAPE });

/** Graphs that are well formed and mean nothing. */
const GRAPH: fc.Arbitrary<Graph> = fc
  .record({
    name: fc.string(),
    inputs: fc.uniqueArray(INPUT, { minLength: 1, maxLength: 4, selector: ({ name }) => name }),
    initializers: fc.array(INITIALIZER, { maxLength: 4 }),
    nodes: fc.array(NODE, { maxLength: 8 }),
    outputs: fc.dictionary(HINT, fc.nat(), { maxKeys: 4, noNullPrototype: true }),
  })
  .map(({ name, inputs, initializers, nodes, outputs }) => {
    const builder = graphBuilder(name);
    const values: Value[] = inputs.map((input) => builder.input(input.name, input.dtype, input.shape));
    for (const made of initializers) {
      if ("values" in made) values.push(builder.constant(Float32Array.from(made.values), [made.values.length]));
      else {
        const { hint, dtype, shape, path, offset } = made;
        const length = elementCount(shape) * DTYPES[dtype].bytes;
        values.push(
          builder.weight(hint, dtype, shape, { source: memorySource(new Uint8Array(), path), offset, length }),
        );
      }
    }
    const pick = (index: number): Value => values[index % values.length] as Value;
    for (const { op, inputs: from, output, ...options } of nodes) {
      const read = from.map((index) => (index === null ? undefined : pick(index)));
      values.push(builder.node(op, read, output, options));
    }
    const free = Object.entries(outputs).filter(([key]) => !inputs.some((input) => input.name === key));
    return builder.finish(Object.fromEntries(free.map(([key, index]) => [key, pick(index)])));
  });

const locate: Locate = ({ source, offset }) => ({ location: `at/${source.name}`, offset });

describe("writeModel() and readModel()", () => {
  test("keep every node, input, output and initializer of any graph", () => {
    fc.assert(
      fc.property(GRAPH, (graph) => {
        const name = nameValues(graph);
        const { graph: read } = readModel(writeModel(graph, locate));
        const nodes = read?.node.slice(0, graph.nodes.length);
        expect(read?.name).toBe(graph.name);
        expect(read?.input.map((input) => input.name)).toEqual([...graph.inputs.keys()]);
        expect(read?.output.map((output) => output.name)).toEqual([...graph.outputs.keys()]);
        expect(nodes?.map(({ opType, domain }) => [opType, domain])).toEqual(
          graph.nodes.map(({ op, domain }) => [op, domain]),
        );
        expect(nodes?.map(({ input }) => input.map((key) => key === ""))).toEqual(
          graph.nodes.map(({ inputs }) => inputs.map((value) => value === undefined)),
        );
        expect(nodes?.map(({ attribute }) => attribute.map((item) => item.name))).toEqual(
          graph.nodes.map(({ attributes }) => Object.keys(attributes)),
        );
        for (const { name: key, dims, dataType, externalData } of read?.initializer ?? []) {
          const [value, made] = [...graph.initializers].find(([candidate]) => key === name(candidate)) ?? [];
          expect([dims.map(Number), dataType]).toEqual([value?.shape, value && DTYPES[value.dtype].onnxType]);
          if (made?.kind !== "weight" || made.data === undefined) continue;
          expect(externalData.map((item) => item.value)).toEqual([
            locate(made.data).location,
            String(made.data.offset),
            String(made.data.length),
          ]);
        }
      }),
    );
  });

  test("write what a library writes of the same model, byte by byte", () => {
    fc.assert(
      fc.property(GRAPH, (graph) => {
        const written = writeModel(graph, locate);
        expect(toBinary(ModelProtoSchema, readModel(written))).toEqual(written);
      }),
    );
  });

  test("give every value one name that nothing else has, defined before it is read", () => {
    fc.assert(
      fc.property(GRAPH, (graph) => {
        const { graph: read } = readModel(writeModel(graph, locate));
        const defined = new Set<string>();
        const define = (key: string): void => {
          expect(defined.has(key) || key === "", `"${key}" twice`).toBe(false);
          defined.add(key);
        };
        for (const { name } of [...(read?.input ?? []), ...(read?.initializer ?? [])]) define(name);
        for (const { input, output } of read?.node ?? []) {
          for (const key of input) expect(key === "" || defined.has(key), `"${key}" undefined`).toBe(true);
          for (const key of output) define(key);
        }
        for (const { name } of read?.output ?? []) expect(defined.has(name)).toBe(true);
      }),
    );
  });

  test("are deterministic", () => {
    fc.assert(
      fc.property(GRAPH, (graph) => {
        expect(writeModel(graph, locate)).toEqual(writeModel(graph, locate));
      }),
      { numRuns: 30 },
    );
  });
});

describe("readModel()", () => {
  const readOrError = (bytes: Uint8Array): void => {
    try {
      readModel(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
  };

  test("reads any bytes or throws an Error", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), readOrError), { numRuns: 500 });
  });

  test("reads a damaged model or throws an Error", () => {
    const damage = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        GRAPH,
        fc.array(damage, { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (graph, changes, kept) => {
          const bytes = writeModel(graph, locate);
          for (const { at, byte } of changes) bytes[Math.floor(at * (bytes.length - 1))] = byte;
          readOrError(bytes.subarray(0, Math.ceil(kept * bytes.length)));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("refuses a length that leads past the end", () => {
    // field 7 (graph), length 2^32 - 1
    expect(() => readModel(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f))).toThrow(Error);
  });

  test("survives messages nested deeper than any model", () => {
    // graph { node { attribute { g { node { attribute { g … } } } } } }, from the inside out
    let bytes = new Uint8Array();
    const wrap = (field: number): void => {
      const head: number[] = [(field << 3) | 2];
      let rest = bytes.length;
      for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
      head.push(rest);
      bytes = new Uint8Array(Buffer.concat([Uint8Array.from(head), bytes]));
    };
    for (let depth = 0; depth < 3000; depth++) for (const field of [6, 5, 1]) wrap(field);
    wrap(7);
    readOrError(bytes);
  });
});
