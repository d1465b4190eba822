import { readFile } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { atOnce, inTurns, pause, type Turns } from "../../src/tensor/in-turns.ts";

test("a pause lets timers run that are due, after the callback of a file too", async () => {
  const seen = await new Promise<string[]>((resolve) => {
    readFile(fileURLToPath(import.meta.url), async () => {
      const order: string[] = [];
      setTimeout(() => order.push("timer"), 1);
      busyFor(5);
      await pause();
      resolve([...order, "after"]);
    });
  });
  expect(seen).toEqual(["timer", "after"]);
});

test("work in turns gives what it gives at once, and lets others run between its turns", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  function* work(): Turns<number> {
    for (let i = 0; i < 10; i++) {
      busyFor(5);
      yield;
    }
    return ticks;
  }
  expect(await inTurns(work())).toBeGreaterThan(2);
  const before = ticks;
  expect(atOnce(work())).toBe(before);
  clearInterval(timer);
});

function busyFor(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}
