import { expect, test } from "vitest";
import { progressLog } from "../../../src/cli/terminal/progress-log.ts";

/** A log on a clock that stands still until it is moved. */
function logOnClock() {
  const lines: string[] = [];
  let now = 0;
  let ticks: { readonly every: number; readonly tell: () => void } | undefined;
  const log = progressLog((line) => lines.push(line), {
    now: () => now,
    every: (every, tell) => {
      ticks = { every, tell };
    },
  });
  const wait = (seconds: number): void => {
    for (const end = now + 1000 * seconds; now < end; ) {
      now += 1000;
      if (ticks !== undefined && now % ticks.every === 0) ticks.tell();
    }
  };
  return { log, lines, wait };
}

test("tells every ten seconds what goes on, how far it is and how long it will take", () => {
  const { log, lines, wait } = logOnClock();
  log.status("loading the U-Net");
  wait(9);
  expect(lines).toEqual([]);
  wait(4);
  log.status("denoising");
  const progress = log.progress(50);
  wait(5);
  progress.update(10, "cached 0.50 s");
  wait(12);
  progress.stop();
  log.status("decoding");
  wait(3);
  wait(7);
  expect(lines).toEqual([
    "10 s: loading the U-Net",
    "20 s: denoising, 10 of 50, cached 0.50 s, about 28 s left",
    "30 s: denoising, 10 of 50, cached 0.50 s, about 68 s left",
    "40 s: decoding",
  ]);
});

test("says nothing before there is something to say", () => {
  const { lines, wait } = logOnClock();
  wait(30);
  expect(lines).toEqual([]);
});
