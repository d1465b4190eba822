import { describe, expect, test } from "vitest";
import type { RunEvent } from "../src/engine/engine.ts";
import { serverEvents } from "../src/engine/event-source.ts";
import { FIRST_FORM, variantName } from "../src/state/form.ts";
import { afterEvent, emptyLane, type Pair, progressOf, secondsLeft, speedupOf } from "../src/state/run-state.ts";
import { fileName } from "../src/state/save.ts";
import { settingsToTry, subjectOf } from "../src/state/settings-to-try.ts";

const start: Pair = { form: FIRST_FORM, lanes: [emptyLane("Original"), emptyLane("N=3")] };
const evaluation = (lane: number, index: number, seconds: number, full = true): RunEvent => ({
  ...{ type: "evaluation", lane, evaluation: index, evaluations: 4, full, seconds },
});

describe("a pair of runs", () => {
  test("knows how far it is, and what is left by what each run has taken", () => {
    expect(progressOf(start)).toEqual({ done: 0, of: 0 });
    const pair = [evaluation(0, 0, 2), evaluation(1, 0, 2), evaluation(0, 1, 2), evaluation(1, 1, 1, false)].reduce(
      afterEvent,
      start,
    );
    expect(progressOf(pair)).toEqual({ done: 4, of: 8 });
    expect(secondsLeft(pair)).toBeCloseTo(2 * 2 + 2 * 1.5);
    expect(speedupOf(pair)).toBeUndefined();
  });

  test("begins again where a run does, as after a lost GPU", () => {
    const begun = [evaluation(0, 0, 2), evaluation(0, 1, 2), evaluation(0, 2, 2)].reduce(afterEvent, start);
    const again = afterEvent(begun, evaluation(0, 0, 7));
    expect(again.lanes[0].evaluations).toEqual([{ full: true, seconds: 7 }]);
  });

  test("tells what is left of a run that has not begun by full evaluations", () => {
    const fast = [evaluation(1, 0, 2), evaluation(1, 1, 1, false)].reduce(afterEvent, start);
    expect(secondsLeft(fast)).toBeCloseTo(2 * 1.5 + 4 * 2);
  });

  test("counts the time of evaluations, not that of previews", () => {
    const picture = { png: new Uint8Array(1), width: 1, height: 1, seed: 1, parameters: "" };
    const seconds = { denoise: 99, total: 100 };
    const result = { sampler: "", steps: 1, policy: { kind: "off" }, evaluations: 1, full: [0], speedup: 1 } as const;
    const done = (lane: number): RunEvent => ({
      ...{ type: "result", lane, picture, result: { ...result, seconds, warnings: [] } },
    });
    const pair = [evaluation(0, 0, 6), evaluation(1, 0, 2), done(0), done(1)].reduce(afterEvent, start);
    expect(speedupOf(pair)).toBe(3);
  });

  test("has file names that say what is in them", () => {
    const form = { ...FIRST_FORM, prompt: "A fox / a key: on (teal)!", seed: 3 };
    expect(fileName({ ...start, form }, 1)).toBe("a-fox-a-key-on-teal-3-n-3.png");
    expect(fileName({ ...start, form: { ...form, prompt: "狐" } }, 0)).toBe("狐-3-original.png");
    expect(fileName({ ...start, form: { ...form, prompt: "../?" } }, 0)).toBe("picture-3-original.png");
  });
});

describe("settings to try", () => {
  const branches = [
    { branch: 0, share: 0.1 },
    { branch: 1, share: 0.3 },
  ];

  test("are caches, and fewer steps that compute as much, the cheapest first", () => {
    const names = settingsToTry(FIRST_FORM, branches).map(variantName);
    expect(names.filter((name) => name.startsWith("N="))).toHaveLength(8);
    expect(names.filter((name) => name.endsWith("steps")).length).toBeGreaterThan(3);
    expect(names.slice(0, 2)).toEqual(["N=8 · branch 0", "5 steps"]);
    expect(names.at(-1)).toBe("13 steps");
  });

  test("belong to one prompt, seed and size, however it is made faster", () => {
    expect(subjectOf({ ...FIRST_FORM, speed: "fast", interval: 9 })).toBe(subjectOf(FIRST_FORM));
    expect(subjectOf({ ...FIRST_FORM, seed: 99 })).not.toBe(subjectOf(FIRST_FORM));
  });
});

test("events of a server are read wherever its packets are cut", async () => {
  const text = ': hello\n\nevent: a\nid: 1\ndata: {"x": "é\\n"}\n\nevent: b\ndata: [2]\n\n';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 7, bytes.length]) {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.subarray(at, at + size));
        controller.close();
      },
    });
    const read: unknown[] = [];
    for await (const event of serverEvents(body)) read.push(event);
    expect(read).toEqual([
      { event: "a", data: { x: "é\n" } },
      { event: "b", data: [2] },
    ]);
  }
});
