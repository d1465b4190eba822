import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { run, succeed } from "./support/run.ts";

const { app, tools } = inject("packed");
const served = join(app, "../served");
const SERVER = ["hono", "@hono/node-server", "@hono/zod-openapi", "zod", "prom-client", "pino"];

describe("where a server's packages are not installed", () => {
  const node = (code: string) => run(process.execPath, ["--input-type=module", "-e", code], app);

  test("nothing of them is installed with the package", () => {
    const lock = JSON.parse(readFileSync(join(app, "node_modules/.package-lock.json"), "utf8"));
    const installed = Object.keys(lock.packages).map((path) => path.replace(/^node_modules\//, ""));
    expect(installed.filter((name) => SERVER.includes(name))).toEqual([]);
  });

  test("one sentence names them, in a program and on the command line", async () => {
    const { output } = await node(`
      import { handler } from "deepcache/server";
      handler({ a: "a" }).ready.catch(({ message }) => console.log(message));
    `);
    const sentence =
      /Cannot serve: the optional package "[^"]+" is not installed; "npm i [^"]*" installs what it takes/;
    expect(output).toMatch(sentence);
    for (const name of SERVER) expect(output).toContain(name);
    const cli = await run(process.execPath, [join(app, "node_modules/deepcache/dist/cli/main.js"), "serve"], app);
    expect(cli).toEqual({ code: 1, output: expect.stringMatching(sentence) });
  });

  test("the AI SDK's models do without", async () => {
    const { output } = await node(`
      import { deepcache } from "deepcache/ai-sdk";
      const model = deepcache();
      const call = { prompt: "a fox", n: 1, providerOptions: { deepcache: { steps: 1 } } };
      const { images } = await model.doGenerate(call);
      console.log(model.specificationVersion, images.length);
      await model.dispose();
    `);
    expect(output).toBe("v4 1\n");
  });
});

describe("where they are", () => {
  beforeAll(async () => {
    cpSync(app, served, { recursive: true });
    await succeed("npm", ["install", "--ignore-scripts", "--prefer-offline", ...SERVER], served);
  });

  const nodes = Object.entries({ [process.versions.node]: process.execPath, ...tools.nodes });
  test.each([
    ...nodes.map(([version, node]) => [`Node ${version}`, [node]] as const),
    ["Bun", [tools.bun, "run"]] as const,
    ["Deno", [tools.deno, "run", "--allow-all", "--cached-only"]] as const,
  ])("%s answers with a picture", async (_, [program = "", ...parameters]) => {
    expect(await succeed(program, [...parameters, join(served, "server.mjs")], served)).toBe("200 iVBORw0K\n");
  });
});
