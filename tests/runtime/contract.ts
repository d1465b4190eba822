import { expect, test } from "vitest";
import { type Graph, graphBuilder } from "../../src/onnx/graph.ts";
import { add, gather, multiply } from "../../src/onnx/ops.ts";
import type { DeviceTensor, Feed, Runtime } from "../../src/runtime/runtime.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";

/** Behaviour that a runtime does not have, with the reason. */
export interface Gap {
  readonly test: string;
  readonly reason: string;
}

const vector = (...values: number[]): Tensor => tensor(Float32Array.from(values), [values.length]);

/** twice = 2x, squared = (2x)². */
function doubling(): Graph {
  const builder = graphBuilder("doubling");
  const x = builder.input("x", "F32", [3]);
  const twice = add(x, x);
  return builder.finish({ twice, squared: multiply(twice, twice) });
}

async function values(outputs: Readonly<Record<string, DeviceTensor>>, name: string): Promise<number[]> {
  return [...((await outputs[name]?.download())?.data ?? [])];
}

/** What everything that runs graphs does alike; `engine` is what its errors name. */
export function runtimeContract(
  runtime: Runtime,
  { gaps = [], engine = "ONNX Runtime" }: { readonly gaps?: readonly Gap[]; readonly engine?: string } = {},
): void {
  const cases: Readonly<Record<string, () => Promise<void>>> = {
    "runs as often as asked, by the names of the graph": async () => {
      await using session = await runtime.load(doubling());
      for (const factor of [1, 2, 1]) {
        const outputs = await session.run({ x: vector(factor, 0, -factor) });
        expect(Object.keys(outputs)).toEqual(["twice", "squared"]);
        expect(await values(outputs, "twice")).toEqual([2 * factor, 0, -2 * factor]);
        expect(await values(outputs, "squared")).toEqual([4 * factor ** 2, 0, 4 * factor ** 2]);
      }
    },
    "takes one tensor for two inputs, and a part of a larger one": async () => {
      const builder = graphBuilder("sum");
      const graph = builder.finish({ y: add(builder.input("a", "F32", [2]), builder.input("b", "F32", [2])) });
      await using session = await runtime.load(graph);
      const part = tensor(Float32Array.of(9, 1, 2, 9).subarray(1, 3), [2]);
      expect(await values(await session.run({ a: part, b: part }), "y")).toEqual([2, 4]);
      using y = (await session.run({ a: part, b: part }))["y"] as DeviceTensor;
      expect(await values(await session.run({ a: y, b: y }), "y")).toEqual([4, 8]);
      expect(part.data, "is the caller's").toEqual(Float32Array.of(1, 2));
    },
    "takes whole numbers": async () => {
      const builder = graphBuilder("rows");
      const table = builder.constant(Float32Array.of(10, 20, 30, 40), [4, 1]);
      await using session = await runtime.load(builder.finish({ y: gather(table, builder.input("ids", "I64", [3])) }));
      const ids = { data: BigInt64Array.of(3n, 0n, 2n), shape: [3] };
      expect(await values(await session.run({ ids }), "y")).toEqual([40, 10, 30]);
    },
    "feeds results to other sessions, kept or not, read or not, as often as asked": async () => {
      await using first = await runtime.load(doubling(), { keep: ["twice"] });
      await using second = await runtime.load(doubling(), { keep: ["squared"] });
      const { twice, squared } = (await first.run({ x: vector(1, 2, 3) })) as Record<string, DeviceTensor>;
      for (const [result, expected] of [
        [twice, [4, 8, 12]],
        [squared, [8, 32, 72]],
      ] as const) {
        for (let i = 0; i < 2; i++) {
          const outputs = await second.run({ x: result as DeviceTensor });
          expect(await values(outputs, "twice")).toEqual(expected);
          outputs["squared"]?.[Symbol.dispose]();
          await result?.download();
        }
      }
      expect(await twice?.download()).toEqual(vector(2, 4, 6));
      twice?.[Symbol.dispose]();
      squared?.[Symbol.dispose]();
    },
    "leaves results to whoever holds them when their session is released": async () => {
      const session = await runtime.load(doubling(), { keep: ["twice"] });
      const { twice, squared } = await session.run({ x: vector(1, 2, 3) });
      await session[Symbol.asyncDispose]();
      await session[Symbol.asyncDispose]();
      expect(await twice?.download()).toEqual(vector(2, 4, 6));
      expect(await squared?.download()).toEqual(vector(4, 16, 36));
      await expect(session.run({ x: vector(1, 2, 3) })).rejects.toThrow("its session has been released");
    },
    "answers runs that are asked for at the same time, each with its own": async () => {
      await using session = await runtime.load(doubling());
      const runs = [1, 2, 3, 4].map((value) => session.run({ x: vector(value, value, value) }));
      const all = await Promise.all(runs);
      expect(await Promise.all(all.map((outputs) => values(outputs, "twice")))).toEqual(
        [1, 2, 3, 4].map((value) => [2 * value, 2 * value, 2 * value]),
      );
    },
    "lets a session be released while it runs": async () => {
      const session = await runtime.load(doubling());
      const run = session.run({ x: vector(1, 2, 3) });
      await session[Symbol.asyncDispose]();
      expect(await values(await run, "twice")).toEqual([2, 4, 6]);
    },
    "refuses what has been freed, and what is another runtime's": async () => {
      await using session = await runtime.load(doubling(), { keep: ["twice"] });
      const { twice } = (await session.run({ x: vector(1, 2, 3) })) as Record<string, DeviceTensor>;
      twice?.[Symbol.dispose]();
      twice?.[Symbol.dispose]();
      const foreign: Feed = { shape: [3], download: async () => vector(1, 2, 3), [Symbol.dispose]() {} };
      for (const x of [twice as DeviceTensor, foreign]) {
        await expect(session.run({ x })).rejects.toThrow("an input has been freed or belongs to another runtime");
      }
      await expect(twice?.download()).rejects.toThrow("Cannot download a tensor that has been freed");
    },
    "looks at a signal before it runs or loads": async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(runtime.load(doubling(), { signal })).rejects.toThrow("enough");
      await using session = await runtime.load(doubling());
      await expect(session.run({ x: vector(1, 2, 3) }, { signal })).rejects.toThrow("enough");
      expect(await values(await session.run({ x: vector(1, 2, 3) }), "twice"), "still runs").toEqual([2, 4, 6]);
    },
    "says why it cannot load a graph": async () => {
      const builder = graphBuilder("odd");
      const x = builder.input("x", "F32", [2]);
      const error = await runtime
        .load(builder.finish({ y: builder.node("NoSuchOperator", [x], x) }))
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ message: `Cannot load graph "odd" into ${engine}` });
      expect(String((error as Error).cause)).toContain("NoSuchOperator");
    },
  };
  const unknown = gaps.find((gap) => !(gap.test in cases));
  if (unknown !== undefined) throw new RangeError(`There is no test "${unknown.test}" to leave out`);
  for (const [name, run] of Object.entries(cases)) {
    const gap = gaps.find((known) => known.test === name);
    if (gap === undefined) test(name, run);
    else test.skip(`${name}: ${gap.reason}`, run);
  }
}
