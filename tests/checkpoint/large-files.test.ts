import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import type { Weight } from "../../src/checkpoint/weights.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { add } from "../../src/onnx/ops.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { concatenate, temporaryFolder } from "./files.ts";
import { type Patch, pickle, sparseZip, tensorPickle, text, torchLegacy, u64 } from "./torch-files.ts";

const GIB = 2 ** 30;
/** More than 32 bits count, in float32. */
const MANY = 1.25 * GIB;

/** A file of holes that takes a few kilobytes of the disk. */
function sparseFile(patches: readonly Patch[]): string {
  const path = join(temporaryFolder(), "large.ckpt");
  const file = openSync(path, "w");
  for (const [position, bytes] of patches) writeSync(file, bytes, 0, bytes.length, position);
  closeSync(file);
  expect(statSync(path).size).toBeGreaterThan(4 * GIB);
  expect(statSync(path).blocks * 512).toBeLessThan(1024 * 1024);
  return path;
}

const floats = (...values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** `{"near": …, "far": …}`: a storage of 5 GiB, and one behind it. */
const STATE = concatenate([
  tensorPickle({ name: "near", key: "0", elements: MANY, shape: [3], offset: MANY - 3 }).subarray(0, -1),
  tensorPickle({ name: "far", key: "1", elements: 2, shape: [2] }).subarray(3),
]);

function zipFile(): string {
  return sparseFile(
    sparseZip([
      { name: "archive/data.pkl", data: STATE },
      { name: "archive/data/0", data: floats(1), size: 4 * MANY },
      { name: "archive/data/1", data: floats(5, -7) },
    ]),
  );
}

function legacyFile(): string {
  const order = concatenate([pickle("]("), text("0"), text("1"), pickle("e.")]);
  const head = torchLegacy(STATE, order, pickle(u64(MANY)));
  return sparseFile([
    [0, head],
    [head.length + 4 * MANY, concatenate([pickle(u64(2)), floats(5, -7)])],
  ]);
}

/** What ONNX Runtime makes of a weight where it lies. */
async function added({ dtype, shape, span }: Weight): Promise<Float32Array | undefined> {
  const builder = graphBuilder("add");
  const x = builder.input("x", "F32", shape);
  const graph = builder.finish({ sum: add(x, builder.weight("w", dtype, shape, span)) });
  const { sum } = await runGraph(graph, { x: { data: new Float32Array(shape[0]!).fill(1), shape } });
  return sum?.data;
}

describe.each([
  ["zip", zipFile],
  ["legacy", legacyFile],
])("a %s file of more than 4 GiB", (_, create) => {
  test("is used in place beyond what 32 bits count", async () => {
    const { weights } = await readCheckpoint(await fileSource(create()));
    const [near, far] = [weights.get("near")!, weights.get("far")!];
    expect(far.span.offset).toBeGreaterThan(4 * GIB);
    expect((await readTensor(near)).data).toEqual(Float32Array.of(0, 0, 0));
    expect((await readTensor(far)).data).toEqual(Float32Array.of(5, -7));
    expect(await added(far)).toEqual(Float32Array.of(6, -6));
  });
});
