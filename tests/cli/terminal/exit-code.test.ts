import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { UsageError } from "../../../src/cli/flags/usage.ts";
import { exitCodeOf } from "../../../src/cli/terminal/exit-code.ts";
import { InterruptedError } from "../../../src/cli/terminal/interrupt.ts";
import { DeepCacheError } from "../../../src/errors/deepcache-error.ts";
import { WeightMismatchError } from "../../../src/layers/scope.ts";

const invalid = new RangeError("Cannot use steps 0");

const missing = new WeightMismatchError('"a/b"', 'as a VAE: "x" is missing');

const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
  ...{ code: "ENOSPC", syscall: "write", path: "a.png" },
});

test.each([
  [new UsageError("no"), 2, ["no"]],
  [invalid, 2, ["Cannot use steps 0"]],
  [new DeepCacheError("OPTION_INVALID", invalid.message, { cause: invalid }), 2, ["Cannot use steps 0"]],
  [new DeepCacheError("OPTION_UNKNOWN", "no such option"), 2, ["no such option"]],
  [new DeepCacheError("OUT_OF_MEMORY", "too large"), 1, ["too large"]],
  [new Error("Cannot read", { cause: new Error("no such\n  file") }), 1, ["Cannot read: no such file"]],
  [
    new RangeError("Invalid array length"),
    1,
    ["Cannot go on: deepcache has a fault (RangeError: Invalid array length)"],
  ],
  [new Error("Cannot write", { cause: full }), 1, ["Cannot write: no space is left on the disk"]],
  [
    new Error('Cannot use "a" as a VAE: "x" is missing', { cause: missing }),
    1,
    ['Cannot use "a" as a VAE: "x" is missing'],
  ],
  [new Error('Cannot open "a"', { cause: missing }), 1, ['Cannot open "a": Cannot use "a/b" as a VAE: "x" is missing']],
  [full, 1, ['Cannot write "a.png": no space is left on the disk']],
  [new CommanderError(0, "commander.help", ""), 0, []],
  [new CommanderError(1, "commander.unknownOption", ""), 2, []],
  [new InterruptedError(), 130, []],
])("%s exits with %i and says %j", (error, code, said) => {
  const lines: string[] = [];
  expect(exitCodeOf(error, { warn: (text) => lines.push(text) })).toBe(code);
  expect(lines).toEqual(said);
});
