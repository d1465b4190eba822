import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { installFromRegistryOnly } from "./support/registry-only.ts";
import { run, succeed } from "./support/run.ts";

const { app, bare, installation } = inject("packed");
const isLinuxX64 = process.platform === "linux" && process.arch === "x64";

describe("npm install of the tarball", () => {
  test("needs no host but npm's registry", () => {
    expect(installation.output).not.toMatch(/npm error|npm warn(?! Unknown user config)/);
    expect(installation).toMatchObject({ code: 0, refused: [] });
  });

  test("runs no script of any package", () => {
    const lock = JSON.parse(readFileSync(join(app, "node_modules/.package-lock.json"), "utf8"));
    const packages = Object.entries<{ readonly hasInstallScript?: boolean }>(lock.packages);
    expect(packages.length).toBeGreaterThan(5);
    expect(packages.filter(([, { hasInstallScript = false }]) => hasInstallScript)).toEqual([]);
  });

  test.runIf(isLinuxX64)("would fail as onnxruntime-node's own does, if it needed another host", async () => {
    const folder = join(app, "../control");
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
    const { code, refused } = await installFromRegistryOnly(["onnxruntime-node@1.30.0"], folder);
    expect(code).not.toBe(0);
    expect(refused).toHaveLength(1);
  });
});

describe("where ONNX Runtime is missing", () => {
  const node = (code: string) => run(process.execPath, ["--input-type=module", "-e", code], bare);

  test("the package can be imported, and plans", async () => {
    const code = `
      import { SAMPLER_NAMES } from "deepcache";
      import { defaultModelFolder, openModel } from "deepcache/pipelines";
      import { fullEvaluations } from "deepcache/plan";
      if (SAMPLER_NAMES.length === 0 || (await openModel({ path: defaultModelFolder() })) === undefined) throw new Error();
      console.log(fullEvaluations({ kind: "uniform", interval: 2, branch: 0 }, 4).join());
    `;
    expect(await node(code)).toEqual({ code: 0, output: "0,2\n" });
  });

  test("one sentence says which command installs it", async () => {
    const { output } = await node(`
      import { pipeline } from "deepcache";
      pipeline().catch(({ code, message }) => console.log(code, message));
    `);
    const system = `${process.platform} ${process.arch}`;
    expect(output).toMatch(
      /^RUNTIME_MISSING Cannot run networks on [^:]*: ONNX Runtime is not installed, it takes "npm i [^"]*"\n$/,
    );
    expect(output).toContain(system);
  });

  test("so does the command line, which plans without it", async () => {
    const cli = join(bare, "node_modules/deepcache/dist/cli/main.js");
    const generate = await run(process.execPath, [cli, "generate", "a fox"], bare);
    expect(generate.code).toBe(1);
    expect(generate.output.trim().split("\n").at(-1)).toMatch(/ONNX Runtime is not installed, it takes "npm i /);
    expect(await succeed(process.execPath, [cli, "plan", "--steps", "10", "--interval", "5"], bare)).toMatch(
      /0, 5|0 5/,
    );
  });
});

test("the command that is named installs ONNX Runtime, which is then used", async () => {
  const folder = join(bare, "../repaired");
  cpSync(bare, folder, { recursive: true });
  await succeed("npm", ["i", "-O", "onnxruntime-node@1.30", "--ignore-scripts"], folder);
  expect(readdirSync(join(folder, "node_modules"))).toContain("onnxruntime-node");
  const code = 'import { nodeRuntime } from "deepcache/pipelines"; nodeRuntime();';
  await succeed(process.execPath, ["--input-type=module", "-e", code], folder);
});
