import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import type { Weight } from "../../src/checkpoint/weights.ts";
import { linear } from "../../src/layers/linear.ts";
import { sharedLayerNorm } from "../../src/layers/norms.ts";
import { checkpointScope, WeightMismatchError } from "../../src/layers/scope.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { DTYPES, type Dtype } from "../../src/tensor/dtype.ts";
import { elementCount } from "../../src/tensor/tensor.ts";

const FILE = memorySource(new Uint8Array(), "/w");

/** A weight that says it lies 100 bytes into a file. */
function weight(shape: readonly number[], dtype: Dtype = "F32"): Weight {
  return { dtype, shape, span: { source: FILE, offset: 100, length: elementCount(shape) * DTYPES[dtype].bytes } };
}

function scopeOver(weights?: Readonly<Record<string, Weight>>) {
  const builder = graphBuilder("g");
  return { builder, ...checkpointScope(builder, weights && new Map(Object.entries(weights))) };
}

describe("checkpointScope()", () => {
  test("joins names by dots and knows what the checkpoint has", () => {
    const { root } = scopeOver({ "mid.conv.weight": weight([1]) });
    const scope = root.at("mid").at("conv");
    expect([root.path, scope.path, root.at("mid.conv").path]).toEqual(["", "mid.conv", "mid.conv"]);
    expect([scope.has("weight"), scope.has("bias"), root.has("mid.conv.weight")]).toEqual([true, false, true]);
    expect(scopeOver().root.has("anything")).toBe(false);
  });

  test("describes where a weight lies, and gives it as float32", () => {
    const { builder, root, check } = scopeOver({ a: weight([2, 3]), b: weight([4, 3], "F16") });
    const [a, b] = [root.weight("a", [2, 3]), root.rows("b", [3, 3], 1, 4)];
    root.rows("b", [1, 3], 0, 4);
    check("a model");
    expect([a.dtype, b.dtype]).toEqual(["F32", "F32"]);
    const graph = builder.finish({});
    expect([...graph.initializers.values()]).toEqual([
      { kind: "weight", name: "a", data: { source: FILE, offset: 100, length: 24 } },
      { kind: "weight", name: "b.1", data: { source: FILE, offset: 100 + 3 * 2, length: 18 } },
      { kind: "weight", name: "b.0", data: { source: FILE, offset: 100, length: 6 } },
    ]);
    expect(graph.nodes.map(({ op, attributes }) => [op, attributes])).toEqual([
      ["Cast", { to: 1 }],
      ["Cast", { to: 1 }],
    ]);
  });

  test("puts what was read into the graph itself, all of it or some rows, and checks it all the same", () => {
    const builder = graphBuilder("g");
    const held = new Map([
      ["a", { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] }],
      ["stray", { data: Float32Array.of(1), shape: [1] }],
    ]);
    const weights = new Map([
      ["a", weight([3, 2], "F16")],
      ["b", weight([2])],
    ]);
    const { root, check } = checkpointScope(builder, weights, held);
    expect(root.rows("a", [2, 2], 1, 3)).toMatchObject({ dtype: "F32", shape: [2, 2] });
    root.weight("b", [2]);
    expect([...builder.finish({}).initializers.values()]).toEqual([
      { kind: "constant", data: Float32Array.of(3, 4, 5, 6) },
      { kind: "weight", name: "b", data: { source: FILE, offset: 100, length: 8 } },
    ]);
    root.weight("stray", [1]);
    expect(() => check("a model")).toThrow('"stray" [1] is missing; rows 0 to 0 of "a" are left over');
  });

  test("lets trailing sizes of one be missing on either side", () => {
    const { root, check } = scopeOver({ conv: weight([4, 3, 1, 1]), linear: weight([4, 3]), bias: weight([4]) });
    expect(root.weight("conv", [4, 3]).shape).toEqual([4, 3]);
    expect(root.weight("linear", [4, 3, 1, 1]).shape).toEqual([4, 3, 1, 1]);
    root.weight("bias", [4, 1, 1]);
    check("a model");
  });

  test("describes any weight where there is no checkpoint", () => {
    const { root, check, builder } = scopeOver();
    root.weight("a", [2, 3]);
    check("a model");
    expect([...builder.finish({}).initializers.values()]).toEqual([{ kind: "weight", name: "a", data: undefined }]);
  });
});

describe("check()", () => {
  const message = (weights: Readonly<Record<string, Weight>>, use: (scope: ReturnType<typeof scopeOver>) => void) => {
    const scope = scopeOver(weights);
    use(scope);
    try {
      scope.check("UNet2DModel");
    } catch (error) {
      expect(error).toBeInstanceOf(WeightMismatchError);
      return (error as Error).message;
    }
    return undefined;
  };

  test("names a missing weight", () => {
    const found = message({}, ({ root }) => root.weight("conv_in.weight", [2, 3]));
    expect(found).toBe('Cannot use the checkpoint as UNet2DModel: "conv_in.weight" [2,3] is missing');
  });

  test("names the files that the weights lie in", () => {
    const elsewhere = (name: string): Weight => ({
      ...weight([1]),
      span: { source: memorySource(new Uint8Array(), name), offset: 0, length: 4 },
    });
    const used = (weights: Readonly<Record<string, Weight>>) =>
      message(weights, ({ root }) => Object.keys(weights).map((name) => root.weight(name, [2])));
    expect(used({ a: weight([1]), b: elsewhere("/x") })).toMatch(/^Cannot use "\/w" and another file as UNet2DModel: /);
    expect(used({ a: weight([1]), b: elsewhere("/x"), c: elsewhere("/y") })).toMatch(
      /^Cannot use "\/w" and 2 other files as UNet2DModel: /,
    );
  });

  test("shortens names, and shows what no terminal should get", () => {
    expect(message({ [`\u001b[2J${"x".repeat(10_000)}`]: weight([1]) }, () => {})).toMatch(
      /^Cannot use "\/w" as UNet2DModel: "\\u001b\[2Jx+… is left over$/,
    );
  });

  test("names a weight of another shape", () => {
    const found = message({ a: weight([2, 4]), b: weight([3, 2]), c: weight([]) }, ({ root }) => {
      root.weight("a", [2, 3]);
      root.weight("b", [2, 3]);
      root.weight("c", [2]);
    });
    expect(found).toBe(
      'Cannot use "/w" as UNet2DModel: "a" has shape [2,4] where [2,3] is required; ' +
        '"b" has shape [3,2] where [2,3] is required; "c" has shape [] where [2] is required',
    );
  });

  test("compares the whole weight where rows of it are taken", () => {
    const found = message({ a: weight([6, 2]) }, ({ root }) => {
      root.rows("a", [4, 2], 0, 8);
      root.rows("a", [4, 2], 4, 8);
    });
    expect(found).toBe('Cannot use "/w" as UNet2DModel: "a" has shape [6,2] where [8,2] is required');
  });

  test("names leftover weights, but for those that are ignored", () => {
    expect(message({ "a.b": weight([1]), c: weight([1]) }, ({ root }) => root.weight("c", [1]))).toBe(
      'Cannot use "/w" as UNet2DModel: "a.b" is left over',
    );
    const { root, check } = scopeOver({ "a.b": weight([1]), c: weight([1]), d: weight([1], "I64") });
    root.weight("c", [1]);
    check("UNet2DModel", [/^a\./, /^d$/]);
  });

  test("names a weight that is used twice", () => {
    const twice = message({ a: weight([4]) }, ({ root }) => {
      root.weight("a", [4]);
      root.weight("a", [4]);
    });
    expect(twice).toBe('Cannot use "/w" as UNet2DModel: "a" is used twice');
  });

  test("names a weight of whose rows some are used twice, even if others are not used", () => {
    const overlap = message({ a: weight([4, 2]) }, ({ root }) => {
      root.rows("a", [2, 2], 0, 4);
      root.rows("a", [2, 2], 1, 4);
    });
    expect(overlap).toBe('Cannot use "/w" as UNet2DModel: "a" is used twice; rows 3 to 3 of "a" are left over');
  });

  test("names rows that nobody asked for", () => {
    const found = message({ a: weight([8, 2]), b: weight([3]) }, ({ root }) => {
      root.rows("a", [2, 2], 5, 8);
      root.rows("a", [1, 2], 2, 8);
      root.rows("b", [2], 0, 3);
    });
    expect(found).toBe(
      'Cannot use "/w" as UNet2DModel: rows 0 to 1 of "a" are left over; ' +
        'rows 3 to 4 of "a" are left over; rows 7 to 7 of "a" are left over; rows 2 to 2 of "b" are left over',
    );
  });

  test("takes rows in any order and of any size, thirds included", () => {
    const found = message({ a: weight([3]), b: weight([7]) }, ({ root }) => {
      for (const start of [2, 0, 1]) root.rows("a", [1], start, 3);
      for (let start = 6; start >= 0; start--) root.rows("b", [1], start, 7);
    });
    expect(found).toBeUndefined();
  });

  test("refuses rows that a weight does not have", () => {
    const { root } = scopeOver({ a: weight([4, 2]) });
    for (const start of [-1, 3]) {
      expect(() => root.rows("a", [2, 2], start, 4)).toThrow(
        `Cannot take rows ${start} to ${start + 1} of "a", which has 4`,
      );
    }
  });

  test("names a weight of a type that is no float", () => {
    const found = message({ a: weight([2], "I64"), b: weight([2], "U8") }, ({ root }) => {
      root.weight("a", [2]);
      root.weight("b", [2]);
    });
    expect(found).toBe(
      'Cannot use "/w" as UNet2DModel: "a" holds I64 where one of F32, F16, BF16, F64, F8_E4M3, F8_E5M2 is required; ' +
        '"b" holds U8 where one of F32, F16, BF16, F64, F8_E4M3, F8_E5M2 is required',
    );
  });

  test("lists twelve problems and counts the others", () => {
    const weights = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`w${i}`, weight([1])]));
    const found = message(weights, () => {});
    expect(found?.match(/is left over/g)).toHaveLength(12);
    expect(found).toMatch(/; and 3 more$/);
  });

  test("sees a norm that several values share as used once", () => {
    const { builder, root, check } = scopeOver({ "n.weight": weight([4]), "n.bias": weight([4]) });
    const norm = sharedLayerNorm(root.at("n"), 4);
    norm(norm(builder.input("x", "F32", [2, 4])));
    check("a model");
  });

  test("sees a half-used linear layer", () => {
    const { builder, root, check } = scopeOver({ "l.weight": weight([6, 5]), "l.bias": weight([6]) });
    linear(root.at("l"), builder.input("x", "F32", [2, 5]), 3, { rows: { start: 3, of: 6 } });
    expect(() => check("a model")).toThrow(
      'Cannot use "/w" as a model: rows 0 to 2 of "l.weight" are left over; rows 0 to 2 of "l.bias" are left over',
    );
  });
});
