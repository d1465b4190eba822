import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { loadsUntil, worksUntil } from "../../src/runtime/until-aborted.ts";
import { slowGraph, slowInput } from "./slow-graph.ts";

const runtime = nodeRuntime({ threads: 1 });
const [short, long] = [slowGraph(2), slowGraph(200)];

test("worksUntil() stops loading and running at the abort", async () => {
  const controller = new AbortController();
  await using session = await worksUntil(runtime, controller.signal).load(long);
  const run = session.run({ x: slowInput });
  await setTimeout(10);
  controller.abort(new Error("enough"));
  await expect(run).rejects.toThrow("enough");
  await expect(session.run({ x: slowInput })).rejects.toThrow("enough");
  await expect(worksUntil(runtime, controller.signal).load(short)).rejects.toThrow("enough");
});

test("loadsUntil() leaves what is loaded to later runs, which may have a signal of their own", async () => {
  const controller = new AbortController();
  await using session = await loadsUntil(runtime, controller.signal).load(short);
  controller.abort(new Error("enough"));
  expect(await session.run({ x: slowInput })).toHaveProperty("y");
  await expect(loadsUntil(runtime, controller.signal).load(short)).rejects.toThrow("enough");
  await expect(session.run({ x: slowInput }, { signal: AbortSignal.abort(new Error("other")) })).rejects.toThrow(
    "other",
  );
});
