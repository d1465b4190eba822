import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { expectPicture } from "./support/picture.ts";
import { run, succeed } from "./support/run.ts";

const { app, tools } = inject("packed");
const nodes = Object.entries({ [process.versions.node]: process.execPath, ...tools.nodes });
const deno = [tools.deno, "run", "--allow-all", "--cached-only"];

describe.each(nodes)("Node %s", (version, node) => {
  test("makes a picture from a module", async () => {
    expect(await succeed(node, ["--version"], app)).toBe(`v${version}\n`);
    await expectPicture(node, [join(app, "picture.mjs")], app);
  });

  test("makes a picture with require", async () => {
    await expectPicture(node, [join(app, "picture.cjs")], app);
  });

  test("prints nothing of its own", async () => {
    const code = 'import("deepcache/pipelines").then(({ nodeRuntime }) => nodeRuntime()); require("deepcache");';
    expect(await run(node, ["-e", code], app)).toEqual({ code: 0, output: "" });
  });
});

test.each([
  ["Bun", [tools.bun, "run"]],
  ["Deno", deno],
])("%s makes a picture", async (_, [program = "", ...parameters]) => {
  await expectPicture(program, [...parameters, join(app, "picture.mjs")], app);
});

test("the command line makes a picture", async () => {
  const cli = join(app, "node_modules/.bin", process.platform === "win32" ? "deepcache.cmd" : "deepcache");
  await succeed(cli, ["generate", "fox", "--steps", "2", "--output", "fox.png"], app);
  expect(readdirSync(app)).toContain("fox.png");
});
