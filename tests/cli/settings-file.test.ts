import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, describe, expect, test } from "vitest";
import { readSettingsFile, takeFlags } from "../../src/cli/flags/settings-file.ts";
import { parseNumber } from "../../src/cli/flags/usage.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-settings-"));
afterAll(() => rmSync(folder, { recursive: true }));

function read(settings: unknown, ...args: string[]): Record<string, unknown> {
  const path = join(folder, "plan.json");
  writeFileSync(path, typeof settings === "string" ? settings : JSON.stringify(settings));
  const command = new Command()
    .option("--steps <n>", "", Number, 7)
    .option("--guidance-scale <s>", "", Number)
    .option("--policies <list>", "", (text: string) => text.split(","))
    .option("--no-ema", "")
    .option("--json", "")
    .option("--settings <file>", "");
  command.parse(args, { from: "user" });
  readSettingsFile(command, path);
  return command.opts();
}

describe("readSettingsFile()", () => {
  test("fills in flags by name, parsed as those of the command line", () => {
    expect(read({ "guidance-scale": 4, policies: ["off", "steps:5"], "no-ema": true, json: true })).toEqual({
      ...{ steps: 7, guidanceScale: 4, policies: ["off", "steps:5"], ema: false, json: true },
    });
  });

  test("leaves what the command line gives", () => {
    expect(read({ steps: 9 }, "--steps", "3")).toMatchObject({ steps: 3 });
    expect(read({ steps: 9 })).toMatchObject({ steps: 9 });
  });

  test.each([
    [{ stepps: 9 }, 'there is no flag "--stepps"'],
    [{ settings: "x" }, 'there is no flag "--settings"'],
    [{ steps: true }, "Cannot read --steps from"],
    [{ steps: { a: 1 } }, "a value is required"],
    [{ json: 1 }, "true is required"],
    [{ json: false }, "true is required"],
    [[], "a JSON object is required"],
    ["{", "it is not JSON"],
  ])("refuses %j", (settings, message) => {
    expect(() => read(settings)).toThrow(message);
  });

  test("says in which file a value stands that cannot be read", () => {
    const command = new Command().option("--steps <n>", "", (text: string) => parseNumber("--steps", text));
    const content = Buffer.from('{"steps":"many"}');
    expect(() => takeFlags(command, content, "plan.json")).toThrow(
      expect.objectContaining({
        message: 'Cannot read --steps from "plan.json"',
        cause: expect.objectContaining({ message: 'Cannot read --steps "many": a number is required' }),
      }),
    );
  });

  test("refuses a file that is not there", () => {
    expect(() => readSettingsFile(new Command(), join(folder, "nowhere"))).toThrow("Cannot read flags from");
  });
});
