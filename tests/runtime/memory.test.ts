import { describe, expect, test } from "vitest";
import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import {
  add,
  cast,
  concat,
  conv,
  matmulTransposed,
  multiHeadAttention,
  relu,
  reshape,
  slice,
} from "../../src/onnx/ops.ts";
import { activationMemory } from "../../src/runtime/memory/activation.ts";
import { arena } from "../../src/runtime/memory/arena.ts";
import { networkMemory } from "../../src/runtime/memory/network.ts";
import { sessionMemory } from "../../src/runtime/memory/session.ts";
import { DTYPES } from "../../src/tensor/dtype.ts";

const MIB = 2 ** 20;
const FOLDED = { folded: true, blocked: false };

describe("arena()", () => {
  test("counts pages that were in use, not those that are reserved", () => {
    const memory = arena();
    memory.allocate(3 * MIB); // in a region of 4 MiB
    expect(memory.touched()).toBe(3 * MIB);
  });

  test("uses again what is free, and keeps it", () => {
    const memory = arena();
    memory.free(memory.allocate(3 * MIB));
    memory.allocate(3 * MIB);
    expect(memory.touched()).toBe(3 * MIB);
  });

  test("joins free neighbours", () => {
    const memory = arena();
    const pieces = [1, 2, 3, 4].map(() => memory.allocate(MIB / 4));
    for (const piece of pieces) memory.free(piece);
    memory.allocate(MIB);
    expect(memory.touched()).toBe(MIB);
  });

  test("gives a chunk less than twice as large whole", () => {
    const memory = arena();
    memory.free(memory.allocate(4 * MIB));
    memory.allocate(3 * MIB); // takes the 4 MiB
    memory.allocate(MIB); // and so this one needs a region of its own
    expect(memory.touched()).toBe(5 * MIB);
  });
});

/** What `build` makes of an input of 1 MiB. */
function graphOf(build: (x: Value) => Value): Graph {
  const builder = graphBuilder("graph");
  return builder.finish({ y: build(builder.input("x", "F32", [1, 64, 64, 64])) });
}

describe("activationMemory()", () => {
  test("has a result in memory until its last reader is done", () => {
    const chain = activationMemory(
      graphOf((x) => relu(relu(relu(relu(x))))),
      FOLDED,
    );
    expect(chain).toEqual({ arena: 2 * MIB, passing: 2 * MIB, holes: 2 * MIB });
    const skip = activationMemory(
      graphOf((x) => {
        const first = relu(x);
        return add(relu(relu(first)), first);
      }),
      FOLDED,
    );
    expect(skip.passing).toBe(3 * MIB);
  });

  test("keeps a buffer until the next result of its shape where buffers wait", () => {
    const graph = graphOf((x) => {
      const times = (y: Value, count: number): Value => concat(Array(count).fill(y) as [Value, ...Value[]], 1);
      const narrow = (y: Value): Value => slice(y, 1, 0, 64);
      return narrow(times(narrow(times(narrow(times(x, 48)), 40)), 48)); // while there are 40 MiB, the 48 wait
    });
    expect(activationMemory(graph, FOLDED).passing).toBe(49 * MIB);
    expect(activationMemory(graph, { ...FOLDED, waits: true }).passing).toBe(89 * MIB);
  });

  test("counts another shape of the same memory once", () => {
    const shaped = activationMemory(
      graphOf((x) => relu(reshape(relu(x), [64, 64 * 64]))),
      FOLDED,
    );
    expect(shaped.arena).toBe(2 * MIB);
  });

  test("knows what attention and convolutions need besides", () => {
    const builder = graphBuilder("attention");
    const x = builder.input("x", "F32", [1, 1024, 256]);
    const attended = builder.finish({ y: multiHeadAttention(x, x, x, 4) });
    expect(activationMemory(attended, FOLDED).passing).toBe(4 * MIB); // result, and queries, keys and values by heads
    const convolved = graphOf((image) => conv(image, weight(image, [64, 64, 1, 1]), undefined));
    expect(activationMemory(convolved, FOLDED).passing).toBe(MIB);
    expect(activationMemory(convolved, { folded: true, blocked: true }).passing).toBe(3 * MIB);
  });

  test("copies what convolutions of few positions see", () => {
    const builder = graphBuilder("deep");
    const x = builder.input("x", "F32", [1, 256, 8, 8]);
    const deep = builder.finish({ y: conv(x, weight(x, [256, 256, 3, 3]), undefined, { pads: [1, 1, 1, 1] }) });
    const [result, columns] = [256 * 64 * 4, 256 * 9 * 64 * 4];
    expect(activationMemory(deep, FOLDED).passing).toBeGreaterThanOrEqual(result + columns);
  });

  test("gives large pieces back and keeps the holes of small ones", () => {
    const builder = graphBuilder("large");
    const large = builder.input("x", "F32", [40 * 256 * 1024]);
    const { passing, holes } = activationMemory(builder.finish({ y: relu(relu(large)) }), FOLDED);
    expect([passing, holes]).toEqual([80 * MIB, 0]);
  });

  test("converts weights right before their use where they are not folded", () => {
    const graph = graphOf((x) => {
      const [first, second] = [1, 2].map(() => halfWeight(x, [1, 64, 64, 64])) as [Value, Value];
      return add(add(x, first), second);
    });
    expect(activationMemory(graph, { folded: false, blocked: false }).passing).toBe(3 * MIB);
    expect(activationMemory(graph, FOLDED).passing).toBe(2 * MIB);
  });
});

const weight = (x: Value, shape: readonly number[]): Value => x.builder.weight("weight", "F32", shape, undefined);
const halfWeight = (x: Value, shape: readonly number[]): Value =>
  cast(x.builder.weight("half", "F16", shape, undefined), "F32", DTYPES.F32.onnxType);

/** A product with a matrix of 2 MiB as stored, 4 MiB widened. */
function matrix(): Graph {
  const builder = graphBuilder("matrix");
  const x = builder.input("x", "F32", [1, 1024]);
  return builder.finish({ y: matmulTransposed(x, halfWeight(x, [1024, 1024])) });
}

describe("sessionMemory()", () => {
  test("widens half-precision weights and packs matrices", () => {
    const usual = sessionMemory(matrix(), { sparing: false });
    expect(usual).toMatchObject({ weights: 4 * MIB, mapped: 0 });
    expect(usual.left).toBeCloseTo((4 * MIB) / 6);
  });

  test("maps files in low memory, and widens weights in passing", () => {
    expect(sessionMemory(matrix(), { sparing: true })).toMatchObject({ weights: 0, mapped: 2 * MIB, loading: 0 });
  });

  test("has kernels twice while they are laid out anew, unless there are too many", () => {
    const kernels = (channels: number): Graph => graphOf((x) => conv(x, weight(x, [channels, 64, 1, 1]), undefined));
    const small = sessionMemory(kernels(4096), { sparing: false });
    expect([small.weights, small.loading, small.left]).toEqual([MIB, 1.5 * MIB, MIB]);
    const large = sessionMemory(kernels(2 ** 22 + 1), { sparing: false });
    expect([large.loading, large.left]).toEqual([0, 0]);
  });
});

test("networkMemory() adds up sessions and takes the largest of what passes", () => {
  const graph = matrix();
  const [one, two] = [[graph], [graph, graph]].map((graphs) =>
    networkMemory(
      graphs.map((own) => ({ graph: own })),
      { lowMemory: false },
    ),
  );
  expect(two?.weights).toBe(2 * (one?.weights ?? 0));
  expect(two?.peak).toBeGreaterThanOrEqual(two?.held ?? 0);
  const low = networkMemory([{ graph }, { graph }], { lowMemory: true });
  expect(low.mapped).toBe(4 * MIB);
});

test("networkMemory() leaves the weights of what runs once in their files", () => {
  const graph = matrix();
  const once = networkMemory([{ graph, once: true }], { lowMemory: false });
  expect(once).toEqual(networkMemory([{ graph }], { lowMemory: true }));
  expect([once.weights, once.mapped]).toEqual([0, 2 * MIB]);
});

test("networkMemory() counts the threads of a network in pieces", () => {
  const halves = (count: number): Graph => {
    const builder = graphBuilder("large");
    const width = 2 ** 14;
    let y = builder.input("x", "F32", [1, width]);
    for (let i = 0; i < count; i++) y = matmulTransposed(y, halfWeight(y, [width, width])); // 1 GiB each, widened
    return builder.finish({ y });
  };
  const [whole, pieces] = [2, 4].map((count) => networkMemory([{ graph: halves(count) }], { lowMemory: false }));
  expect(pieces?.weights).toBe(2 * (whole?.weights ?? 0));
  expect((pieces?.graphs ?? 0) - 2 * (whole?.graphs ?? 0)).toBe(2 * 11 * MIB);
});
