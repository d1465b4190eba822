import { expect, test } from "vitest";
import { processorCores } from "../../src/runtime/node/processor-cores.ts";

const logical = (socket: number, core: number): string =>
  `processor\t: 0\nphysical id\t: ${socket}\nsiblings\t: 4\ncore id\t\t: ${core}\ncpu cores\t: 2\n`;

test("Two threads of one core are one core, and cores of two sockets are two", () => {
  expect(processorCores([logical(0, 0), logical(0, 1), logical(0, 0), logical(0, 1)].join("\n"))).toBe(2);
  expect(processorCores([logical(0, 0), logical(1, 0)].join("\n"))).toBe(2);
});

test.skipIf(process.arch === "arm64")("a system that does not tell cores is not guessed at", () => {
  expect(processorCores("processor : 0")).toBeUndefined();
});
