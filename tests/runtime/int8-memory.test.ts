import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { conv } from "../../src/onnx/ops.ts";
import { sessionMemory } from "../../src/runtime/memory/session.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { withPrecision } from "../../src/runtime/precision.ts";

const SIDE = 224;
const CHANNELS = [32, 128, 96, 64, 128, 160];

/** 3×3 convolutions of several widths, one after the other. */
function widths() {
  const builder = graphBuilder("widths");
  const input = builder.input("x", "F32", [1, 32, SIDE, SIDE]);
  const y = CHANNELS.reduce((x, outer) => {
    const inner = x.shape[1] ?? 0;
    const weight = builder.constant(new Float32Array(outer * inner * 9).fill(0.01), [outer, inner, 3, 3]);
    return conv(x, weight, undefined, { pads: [1, 1, 1, 1] });
  }, input);
  return builder.finish({ y });
}

const anonymousBytes = (): number =>
  1024 * Number(/RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);

test.skipIf(process.platform !== "linux")("a run in int8 takes what the estimate says", async () => {
  const graph = widths();
  const narrow = withPrecision(graph, "int8");
  const { results, outputs } = sessionMemory(narrow, { sparing: false });
  await using session = await nodeRuntime({ precision: "int8" }).load(graph, { allowHalf: true });
  const x = { data: new Float32Array(32 * SIDE * SIDE).fill(0.5), shape: [1, 32, SIDE, SIDE] };
  const before = anonymousBytes();
  const { y } = await session.run({ x });
  const ratio = (anonymousBytes() - before) / (results + outputs / 2); // one result is there so far
  y?.[Symbol.dispose]();
  expect(ratio).toBeGreaterThan(0.7);
  expect(ratio).toBeLessThan(1.3);
});
