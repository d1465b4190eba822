import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, expect, test } from "vitest";
import { addEvaluationFlags, type GivenFlags } from "../../src/cli/flags/evaluation-flags.ts";
import { leaveOutIdleSettings } from "../../src/cli/flags/idle-flags.ts";
import { readSettingsFile } from "../../src/cli/flags/settings-file.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-idle-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Flags for metrics that are left of a file that gives them all, and of the command line. */
function left(...args: string[]): string[] {
  const path = join(folder, "settings.json");
  const given = { metrics: "fid,clip", clip: "c", features: "f", inception: "i", reference: "r" };
  writeFileSync(path, JSON.stringify({ ...given, "inception-input": "tensorflow" }));
  const command = addEvaluationFlags(new Command()).exitOverride();
  command.parse(["--output", folder, ...args], { from: "user" });
  readSettingsFile(command, path);
  leaveOutIdleSettings(command);
  const flags = command.opts<GivenFlags>();
  return (["clip", "features", "inception", "inceptionInput", "reference"] as const).filter(
    (name) => flags[name] !== undefined,
  );
}

test("what a settings file gives for metrics that are not measured is left out", () => {
  expect(left()).toEqual(["clip", "inception", "inceptionInput", "reference"]);
  expect(left("--metrics", "psnr")).toEqual([]);
  expect(left("--metrics", "clip")).toEqual(["clip"]);
  expect(left("--metrics", "is")).toEqual(["inception", "inceptionInput", "reference"]);
  expect(left("--metrics", "fd")).toEqual(["features", "reference"]);
});

test("what the command line gives stays, so that it is refused", () => {
  expect(left("--metrics", "psnr", "--inception", "other")).toEqual(["inception"]);
});
