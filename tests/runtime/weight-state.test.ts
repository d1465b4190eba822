import { copyFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { type Graph, graphBuilder } from "../../src/onnx/graph.ts";
import { add } from "../../src/onnx/ops.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { temporaryFolder } from "../checkpoint/files.ts";

const runtime = nodeRuntime({ lowMemory: true });
const x = tensor(Float32Array.of(1, 2, 3, 4), [4]);
let path: string;
let graph: Graph;

/** x + w, whose weights are the last 16 bytes of a file. */
beforeEach(async () => {
  path = join(temporaryFolder(), "model.safetensors");
  await writeSafetensors(path, { w: tensor(Float32Array.of(10, 20, 30, 40), [4]) });
  const source = await fileSource(path);
  const builder = graphBuilder("sum");
  const w = builder.weight("w", "F32", [4], { source, offset: source.size - 16, length: 16 });
  graph = builder.finish({ y: add(builder.input("x", "F32", [4]), w) });
});

/** Other weights of the same size, in the same place on disk. */
function changeInPlace(): void {
  const bytes = readFileSync(path);
  bytes.writeFloatLE(1000, bytes.length - 16);
  writeFileSync(path, bytes);
}

async function result(session: Awaited<ReturnType<typeof runtime.load>>): Promise<number[]> {
  const { y } = await session.run({ x });
  return [...((await y?.download())?.data ?? [])];
}

test("Weights that have been changed, cut short or replaced are not loaded", async () => {
  const changes = { changed: changeInPlace, cut: () => truncateSync(path, 40), replaced };
  for (const [, change] of Object.entries(changes)) {
    change();
    await expect(runtime.load(graph)).rejects.toThrow(
      /its weights in ".*" have been (changed|replaced) since they were opened/,
    );
  }
});

test("A run says that its weights were changed, or cut short, before ONNX Runtime looks at them", async () => {
  await using session = await runtime.load(graph);
  expect(await result(session)).toEqual([11, 22, 33, 44]);
  changeInPlace();
  await expect(result(session)).rejects.toThrow("have been changed since they were opened");
  truncateSync(path, 0);
  await expect(result(session)).rejects.toMatchObject({ code: "CHECKPOINT_BROKEN" });
});

test("A file that takes another's place is none of a session's that has the other", async () => {
  await using session = await runtime.load(graph);
  replaced();
  expect(await result(session)).toEqual([11, 22, 33, 44]);
});

function replaced(): void {
  copyFileSync(path, `${path}.new`);
  renameSync(`${path}.new`, path);
}
