import { expect, test } from "vitest";
import { servedModels } from "../../src/cli/serve/settings.ts";
import { terminal } from "../../src/cli/terminal/console.ts";
import { terminalPlaces } from "../../src/cli/terminal/downloads.ts";
import { runCli } from "../support/cli.ts";

const places = terminalPlaces(terminal, new AbortController().signal);

test("serve opens models in the precision that is asked for, and keeps their weights", async () => {
  const [narrow] = Object.values(await servedModels({ device: "cpu", precision: "int8" }, places));
  expect(narrow).toMatchObject({ precision: "int8", cacheFolder: expect.stringMatching(/deepcache$/) });
  const [plain] = Object.values(await servedModels({ device: "cpu" }, places));
  expect(plain).not.toHaveProperty("precision");
});

test("serve refuses a precision that there is not, and one with workers elsewhere", async () => {
  const other = await runCli("serve", "--precision", "int4");
  expect(other).toMatchObject({ code: 2 });
  expect(other.stderr).toContain(
    "Cannot use --precision int4: one of float32, int8, bfloat16, float16, auto is required",
  );
  const elsewhere = await runCli("serve", "--redis", "redis://127.0.0.1:1", "--precision", "int8");
  expect(elsewhere).toMatchObject({ code: 2 });
  expect(elsewhere.stderr).toContain("Cannot use --precision with --redis: give it to deepcache worker");
});
