import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeFiles } from "../../src/checkpoint/files/node.ts";
import { choosePrecision, gainsIn } from "../../src/runtime/node/choose-precision.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { gainsOver, trialBlock } from "../../src/runtime/node/precision-trial.ts";
import { OPENVINO } from "../support/runtimes/openvino.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "deepcache-auto-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const block = trialBlock(64, 8);

/** A clock by which runs take these milliseconds in turn. */
function clock(...milliseconds: readonly number[]): () => number {
  let [time, calls] = [0, 0];
  return () => {
    if (calls % 2 === 1) time += milliseconds[((calls - 1) / 2) % milliseconds.length] ?? 0;
    calls += 1;
    return time;
  };
}

const choose = (now: () => number, others: Parameters<typeof choosePrecision>[0] = {}) =>
  choosePrecision({ threads: 1, folder: nodeFiles(folder), block, now, ...others });

describe("the precision that a machine chooses", () => {
  test("is int8 from 1.3 times as fast on, and float32 below", async () => {
    expect(await choose(clock(13, 10))).toEqual({ precision: "int8", gains: { int8: 1.3 }, measured: true });
    rmSync(folder, { recursive: true });
    expect(await choose(clock(129, 100))).toEqual({ precision: "float32", gains: { int8: 1.29 }, measured: true });
  });

  test("is measured once for a machine and a number of threads", async () => {
    await choose(clock(20, 10));
    expect(await choose(clock(10, 10))).toEqual({ precision: "int8", gains: { int8: 2 }, measured: false });
    expect(await choose(clock(10, 10), { threads: 2 })).toMatchObject({ precision: "float32", measured: true });
    expect(await choose(clock(10, 10), { folder: undefined })).toMatchObject({ precision: "float32", measured: true });
  });

  test("is measured again where what was kept is broken", async () => {
    await choose(clock(20, 10));
    const [file = ""] = readdirSync(folder);
    for (const content of ["", "{", "null", '{"gains": {}}', '{"gains": {"int8": "much"}}']) {
      writeFileSync(join(folder, file), content);
      expect(await choose(clock(10, 10)), content).toMatchObject({ precision: "float32", measured: true });
    }
  });

  test("counts the best of several turns, the first not among them", async () => {
    const runtime = nodeRuntime({ threads: 1 });
    const turns = [1, 1, 30, 10, 20, 10, 30, 5, 40, 5, 20, 10, 20, 10];
    expect(await gainsOver(runtime, [runtime], { now: clock(...turns), block })).toEqual([4]);
  });

  test("ends with its signal", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(choose(clock(10, 10), { signal })).rejects.toThrow("enough");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is refused for a device that nobody has", async () => {
    await expect(choose(clock(1, 1), { device: "gpu" as "cpu" })).rejects.toThrow('Cannot run on device "gpu"');
  });

  test.skipIf(OPENVINO === undefined)("is the fastest of those that OpenVINO offers", async () => {
    const device = "openvino";
    const names = ["bfloat16", "float16"];
    const chosen = await choose(clock(20, 10, 15), { device });
    expect(Object.keys(chosen.gains)).toEqual(names);
    expect(chosen).toMatchObject({ precision: "bfloat16", gains: { bfloat16: 2 }, measured: true });
    expect(await choose(clock(10, 10, 10), { device })).toMatchObject({ precision: "bfloat16", measured: false });
  });
});

test("Of what was measured, nothing counts but gains of the precisions that there are", () => {
  const read = (text: string) => gainsIn(Buffer.from(text), ["int8"]);
  expect(read('{"gains":{"int8":1.5,"float16":9,"__proto__":9}}')).toEqual({ int8: 1.5 });
  for (const text of ["", "null", "[]", "{}", '{"gains":null}', '{"gains":{"int8":"2"}}', '{"gains":{"int8":1e999}}'])
    expect(read(text)).toBeUndefined();
});

test("What is measured counts where it cannot be kept", async () => {
  const chosen = await choose(clock(2, 1), { folder: nodeFiles("/proc/nowhere") });
  expect(chosen.measured).toBe(true);
});
