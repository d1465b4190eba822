import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { expectPicture } from "./support/picture.ts";
import { run } from "./support/run.ts";

const { app, bare, tools } = inject("packed");

const RESOLUTIONS = [
  { module: "preserve", moduleResolution: "bundler" },
  { module: "node16", moduleResolution: "node16" },
  { module: "nodenext", moduleResolution: "nodenext" },
] as const;

/** Compiles picture.ts where neither ONNX Runtime's types nor Node's are installed, and checks every declaration. */
async function compile(
  compiler: string,
  options: (typeof RESOLUTIONS)[number],
  outDir: string,
  file = "picture.ts",
): Promise<void> {
  const config = join(bare, `${options.moduleResolution}.json`);
  const compilerOptions = { ...options, outDir, target: "es2022", strict: true, skipLibCheck: false, types: [] };
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [join(bare, file)] }));
  expect(await run(process.execPath, [compiler, "--project", config], bare)).toEqual({ code: 0, output: "" });
}

describe.each(Object.entries(tools.compilers))("TypeScript %s", (version, compiler) => {
  test.each(RESOLUTIONS)("compiles a program with $moduleResolution, which makes a picture", async (options) => {
    const outDir = join(app, `${options.moduleResolution}-${version}`);
    await compile(compiler, options, outDir);
    await expectPicture(process.execPath, [join(outDir, "picture.js")], app);
  });

  test("compiles a CommonJS program with nodenext, which makes a picture", async () => {
    const outDir = join(app, `commonjs-${version}`);
    copyFileSync(join(bare, "picture.ts"), join(bare, "picture.cts"));
    await compile(compiler, { module: "nodenext", moduleResolution: "nodenext" }, outDir, "picture.cts");
    await expectPicture(process.execPath, [join(outDir, "picture.cjs")], app);
  });
});
