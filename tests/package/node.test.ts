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

test("Node gets the library in few files, with the names and the classes of all subpaths", async () => {
  const code = `
    const { exports } = JSON.parse(fs.readFileSync("node_modules/deepcache/package.json", "utf8"));
    const others = Object.entries(exports).filter(([, { node }]) => node !== undefined && !node.endsWith("/server.js"));
    const { DeepCacheError } = await import("deepcache");
    const { unetConfig } = await import("deepcache/plan");
    const rows = [];
    for (const [subpath, { node, default: other }] of others) {
      const names = async (file) => Object.keys(await import(require("node:path").resolve("node_modules/deepcache", file)));
      rows.push([subpath, (await names(node)).join() === (await names(other)).join()]);
    }
    let refusal;
    try { unetConfig({ in_channels: 0 }); } catch (error) { refusal = error; }
    console.log(JSON.stringify({ rows, isShared: refusal instanceof DeepCacheError }));
  `;
  const { output } = await run(process.execPath, ["-e", `(async () => {${code}})()`], app);
  const { rows, isShared } = JSON.parse(output);
  expect(rows.length).toBeGreaterThan(8);
  expect(rows.filter(([, same]: readonly [string, boolean]) => !same)).toEqual([]);
  expect(isShared).toBe(true);
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
