import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { expect, inject, test } from "vitest";
import { run } from "./support/run.ts";

const { app, tarball } = inject("packed");
const root = join(app, "node_modules/deepcache");
const MB = 1e6;

const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path: relative(root, path).replaceAll("\\", "/"), bytes: statSync(path).size }));

/** Files and bytes below a folder. */
function size(folder: string): { readonly count: number; readonly bytes: number } {
  const below = files.filter(({ path }) => path.startsWith(folder));
  return { count: below.length, bytes: below.reduce((sum, { bytes }) => sum + bytes, 0) };
}

test("the tarball keeps to its budget", () => {
  expect(statSync(tarball).size).toBeLessThan(50 * MB);
  expect(size("").count).toBeLessThan(1300);
  expect(size("dist/").bytes).toBeLessThan(4.8 * MB);
  expect(size("models/fluent-scenes/").bytes).toBeLessThan(28 * MB);
  expect(size("models/scene-metrics/").bytes).toBeLessThan(5 * MB);
  expect(size("models/clip-tokenizer/").bytes).toBeLessThan(1.5 * MB);
  expect(size("onnxruntime/").bytes).toBeLessThan(47 * MB);
});

test("the tarball holds the package, its models and one system's ONNX Runtime with its licence, nothing else", () => {
  const folders = new Set(
    files.map(({ path }) =>
      path
        .split("/")
        .slice(0, path.startsWith("dist/") ? 1 : 2)
        .join("/"),
    ),
  );
  expect([...folders].sort()).toEqual([
    "LICENSE",
    "README.md",
    "dist",
    "models/clip-tokenizer",
    "models/fluent-scenes",
    "models/scene-metrics",
    "onnxruntime/linux-x64",
    "package.json",
  ]);
  const { name, version, scripts } = JSON.parse(readFileSync(join(root, "onnxruntime/linux-x64/package.json"), "utf8"));
  expect({ name, version, scripts }).toEqual({ name: "onnxruntime-node", version: "1.30.0", scripts: undefined });
  expect(files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["onnxruntime/linux-x64/LICENSE", "onnxruntime/linux-x64/ThirdPartyNotices.txt"]),
  );
});

test("the tarball holds no source maps, tests, recipes or pictures", () => {
  const superfluous = files.filter(({ path }) =>
    /\.map$|\.test\.|\/recipe\/|(?<!^dist\/studio\/.*)\.png$|\.py$|(?<!\.d)\.ts$/.test(path),
  );
  expect(superfluous).toEqual([]);
});

test("the studio is there, small and without a program for networks", () => {
  const { count, bytes } = size("dist/studio/");
  expect(count).toBeGreaterThan(4);
  expect(bytes).toBeLessThan(0.3 * MB);
  expect(files.filter(({ path }) => path.endsWith(".wasm"))).toEqual([]);
});

test("every file of dist was built from a source that there is", () => {
  const sources = readdirSync(fileURLToPath(new URL("../../src", import.meta.url)), {
    recursive: true,
    encoding: "utf8",
  });
  const modules = new Set(sources.map((path) => path.replaceAll("\\", "/").replace(/\.[jt]s$/, "")));
  // What Node runs is bundled into few files.
  const built = files.filter(({ path }) => path.startsWith("dist/") && !/^dist\/(node|studio)\//.test(path));
  expect(built.filter(({ path }) => !modules.has(path.slice("dist/".length).replace(/(\.d\.ts|\.js)$/, "")))).toEqual(
    [],
  );
});

test("no declaration that a program can reach names ONNX Runtime's types", () => {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const entries = Object.values<{ readonly types?: string }>(exports).flatMap(({ types }) => types ?? []);
  expect(entries.length).toBeGreaterThan(5);
  const reached = new Set<string>();
  const open = entries.map((entry) => join(root, entry));
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    const modules = [...readFileSync(path, "utf8").matchAll(/(?:from |import\()"(\.[^"]+)"/g)].map(
      ([, module = ""]) => module,
    );
    const from = dirname(path);
    open.push(...modules.map((module) => join(from, module.replace(/\.[jt]s$/, ".d.ts"))));
  }
  const naming = [...reached].filter((path) => /(from |import\(|types=)"onnxruntime/.test(readFileSync(path, "utf8")));
  expect(naming.map((path) => relative(root, path))).toEqual([]);
});

test("publint has nothing to say but of three files that bundlers for browsers take others for", async () => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true, pack: false });
  const known = "USE_EXPORTS_OR_IMPORTS_BROWSER"; // exports name entries, and these are within the package
  expect(messages.filter(({ code }) => code !== known).map((message) => formatMessage(message, pkg))).toEqual([]);
});

test("the types are right for every way to import the package", async () => {
  const attw = fileURLToPath(new URL("../../node_modules/@arethetypeswrong/cli/dist/index.js", import.meta.url));
  const { code, output } = await run(
    process.execPath,
    [attw, tarball, "--profile", "esm-only", "--format", "ascii"],
    app,
  );
  expect(code, output).toBe(0);
});
