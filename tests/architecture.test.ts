import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

interface Layer {
  readonly folder: string;
  readonly holds: string;
  readonly imports: readonly string[];
}

/** The folders of src from the bottom up, and what each may import: pages show the same table. */
const LAYERS: readonly Layer[] = JSON.parse(readFileSync(new URL("../docs/layers.json", import.meta.url), "utf8"));
const TABLE: ReadonlyMap<string, readonly string[]> = new Map(LAYERS.map(({ folder, imports }) => [folder, imports]));

/** Files directly in src: what package.json lets others import. They may import anything. */
const ENTRIES: readonly string[] = Object.values<string | Readonly<Record<string, string>>>(
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).exports,
)
  .flatMap((target) => (typeof target === "string" ? [] : Object.entries(target)))
  .filter(([condition]) => condition !== "types")
  .map(([, path]) => posix.basename(path).replace(/\.js$/, ".ts"));

/** Modules that only some folders, or single files, may import. */
const RESERVED: readonly { readonly module: RegExp; readonly places: readonly string[] }[] = [
  { module: /^onnxruntime-/, places: ["runtime"] },
  { module: /^@bufbuild\/protobuf/, places: [] },
  {
    module: /^node:/,
    places: [
      "checkpoint/files/node.ts",
      "checkpoint/files/write.ts",
      "checkpoint/files/owner.ts",
      "checkpoint/files/read-until.ts",
      "checkpoint/bytes/byte-sources/file.ts",
      "hub/stores/node",
      "runtime",
      "cli",
      "systems/shipped.ts",
      "image/files.ts",
      "remote/node/run-thread.ts",
      "remote/node/start-thread.ts",
      "evaluation/store/stores/folder.ts",
    ],
  },
];

const MOST_LINES = 300;
/** Files that lie side by side in one folder. */
const MOST_FILES = 14;
const isGenerated = (path: string): boolean => path.includes("/generated/");

/** What breaks the rules in `sources`, whose keys are paths below src. */
function violations(sources: ReadonlyMap<string, string>): string[] {
  const found = [...sources].flatMap(([path, source]) => [
    ...[placeViolation(path)].filter((place) => place !== undefined),
    ...importsOf(source).flatMap((module) => importViolation(path, module) ?? []),
    ...(/\bconsole\./.test(withoutComments(source)) && folderOf(path) !== "cli"
      ? [`${path} prints to the console`]
      : []),
    ...(lineCount(source) > MOST_LINES && !isGenerated(path) ? [`${path} has ${lineCount(source)} lines`] : []),
  ]);
  return [...found, ...crowdedFolders([...sources.keys()]), ...folderCycles(sources), ...fileCycles(sources)];
}

function crowdedFolders(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const folder of paths.map(posix.dirname)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  return [...counts].flatMap(([folder, count]) => (count > MOST_FILES ? [`${folder} has ${count} files`] : []));
}

function placeViolation(path: string): string | undefined {
  const folder = folderOf(path);
  if (folder === "") return ENTRIES.includes(path) ? undefined : `${path} lies outside every folder`;
  return TABLE.has(folder) ? undefined : `${path} lies in "${folder}", which the table does not list`;
}

function importViolation(path: string, module: string): string | undefined {
  const from = folderOf(path);
  const allowed = TABLE.get(from);
  if (allowed === undefined) return undefined;
  if (module.startsWith(".")) {
    const to = folderOf(resolved(path, module));
    return to === from || allowed.includes(to)
      ? undefined
      : `${path} imports ${module}: ${from} may not import ${to || "src"}`;
  }
  const reserved = RESERVED.find((rule) => rule.module.test(module));
  if (reserved === undefined || reserved.places.some((place) => path === place || path.startsWith(`${place}/`)))
    return undefined;
  return `${path} imports ${module}: ${reserved.places.length === 0 ? "nothing" : `only ${reserved.places.join(", ")}`} may`;
}

function folderCycles(sources: ReadonlyMap<string, string>): string[] {
  const edges = new Map<string, Set<string>>();
  for (const [path, targets] of fileImports(sources)) {
    const from = folderOf(path);
    for (const to of targets.map(folderOf)) if (to !== from) edges.set(from, (edges.get(from) ?? new Set()).add(to));
  }
  return inCircles(edges).map((folder) => `${folder} imports itself in a circle`);
}

/** Imports of types count: a reader has to follow them as well. */
const fileCycles = (sources: ReadonlyMap<string, string>): string[] =>
  inCircles(new Map([...fileImports(sources)].map(([path, targets]) => [path, new Set(targets)]))).map(
    (path) => `${path} imports itself in a circle of files`,
  );

const fileImports = (sources: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> =>
  new Map(
    [...sources].map(([path, source]) => [
      path,
      importsOf(source)
        .filter((module) => module.startsWith("."))
        .map((module) => resolved(path, module)),
    ]),
  );

/** The nodes from which a walk along `edges` leads back. */
function inCircles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const reachable = (start: string): Set<string> => {
    const [seen, open] = [new Set<string>(), [...(edges.get(start) ?? [])]];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(...(edges.get(next) ?? []));
    }
    return seen;
  };
  return [...edges.keys()].filter((node) => reachable(node).has(node));
}

/** The modules of static imports, re-exports and imports of literal names at run time. */
function importsOf(source: string): string[] {
  const pattern =
    /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...withoutComments(source).matchAll(pattern)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "");
}

const withoutComments = (source: string): string =>
  source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
const folderOf = (path: string): string => (path.includes("/") ? path.slice(0, path.indexOf("/")) : "");
const resolved = (path: string, module: string): string => posix.join(posix.dirname(path), module);
const lineCount = (source: string): number => source.trimEnd().split("\n").length;

function sourcesOfSrc(): ReadonlyMap<string, string> {
  const root = fileURLToPath(new URL("../src", import.meta.url));
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [relative(root, path).replaceAll(sep, "/"), readFileSync(path, "utf8")] as const));
}

test("src keeps to the layers", () => {
  const sources = sourcesOfSrc();
  expect(sources.size).toBeGreaterThan(0);
  expect(violations(sources)).toEqual([]);
});

test("opening a model reaches Node's modules through one file alone", () => {
  const sources = sourcesOfSrc();
  const imports = fileImports(sources);
  const open = ["systems/open-model.ts"];
  const seen = new Set(["checkpoint/files/place.ts"]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(imports.get(next) ?? []));
  }
  seen.delete("checkpoint/files/place.ts");
  const reached = [...seen].filter((path) =>
    importsOf(sources.get(path) ?? "").some((module) => /^node:/.test(module)),
  );
  expect(reached).toEqual([]);
  expect(seen.size).toBeGreaterThan(50);
});

describe("the check", () => {
  const check = (path: string, source: string): string[] => violations(new Map([[path, source]]));

  test.each([
    ["tensor/a.ts", 'import { b } from "./b.ts";'],
    ["image/png.ts", 'import type { Tensor } from "../tensor/tensor.ts";\nimport { decode } from "fast-png";'],
    ["image/files.ts", 'import { writeFileSync } from "node:fs";'],
    ["checkpoint/files/write.ts", 'import { writeFileSync } from "node:fs";'],
    ["diffusion/samplers/ddim.ts", 'import type {\n  Sampler,\n} from "../sampler.ts";'],
    ["runtime/node.ts", 'import { InferenceSession } from "onnxruntime-node";'],
    ["cli/main.ts", 'import { open } from "../systems/open-model.ts";\nconsole.log("x");'],
    ["index.ts", 'export * from "./cli/main.ts";'],
    ["tensor/a.ts", '// console.log(1)\n/* import "node:fs"; */\nexport const from = "node:fs";'],
    ["onnx/protobuf/generated/big.ts", "\n".repeat(999).replaceAll("\n", "x\n")],
  ])("lets %s be: %j", (path, source) => {
    expect(check(path, source)).toEqual([]);
  });

  test.each([
    ["tensor/a.ts", 'import { x } from "../onnx/x.ts";', "tensor may not import onnx"],
    ["diffusion/samplers/a.ts", 'import { x } from "../../onnx/x.ts";', "diffusion may not import onnx"],
    ["diffusion/a.ts", 'import {\n  a,\n  b,\n} from "../runtime/x.ts";', "diffusion may not import runtime"],
    ["onnx/a.ts", 'export { x } from "../models/x.ts";', "onnx may not import models"],
    ["onnx/a.ts", 'export * from "../models/x.ts";', "onnx may not import models"],
    ["onnx/a.ts", 'import "../models/x.ts";', "onnx may not import models"],
    ["onnx/a.ts", 'const x = await import("../models/x.ts");', "onnx may not import models"],
    ["tensor/a.ts", 'import { x } from "../index.ts";', "tensor may not import src"],
    ["models/a.ts", 'import { Tensor } from "onnxruntime-common";', "only runtime may"],
    ["models/a.ts", 'import { create } from "@bufbuild/protobuf";', "nothing may"],
    ["image/png.ts", 'import { Buffer } from "node:buffer";', "imports node:buffer"],
    ["checkpoint/files/memory.ts", 'import { open } from "node:fs";', "imports node:fs"],
    ["tensor/a.ts", 'console.log("x");', "prints to the console"],
    ["utils/a.ts", "export {};", 'lies in "utils", which the table does not list'],
    ["stray.ts", "export {};", "lies outside every folder"],
    ["tensor/a.ts", "x\n".repeat(301), "has 301 lines"],
  ])("catches %s: %j", (path, source, message) => {
    expect(check(path, source)).toEqual([expect.stringContaining(message)]);
  });

  test("catches folders and files that import one another in a circle, also where types alone are imported", () => {
    const circle = new Map([
      ["systems/a.ts", 'import type { x } from "../cli/x.js";'],
      ["cli/x.js", 'export { y } from "../systems/a.ts";'],
    ]);
    expect(violations(circle)).toEqual([
      "systems/a.ts imports ../cli/x.js: systems may not import cli",
      "systems imports itself in a circle",
      "cli imports itself in a circle",
      "systems/a.ts imports itself in a circle of files",
      "cli/x.js imports itself in a circle of files",
    ]);
  });

  test("catches folders with too many files side by side", () => {
    const files = Array.from({ length: 15 }, (_, i) => [`tensor/a/${i}.ts`, ""] as const);
    expect(violations(new Map(files))).toEqual(["tensor/a has 15 files"]);
  });

  test("has a table of the folders that there are, in which every layer stands above what it imports", () => {
    const order = LAYERS.map(({ folder }) => folder);
    const folders = readdirSync(new URL("../src", import.meta.url), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => name).sort()).toEqual([...order].sort());
    for (const { folder, imports } of LAYERS) {
      for (const below of imports) {
        expect(order.slice(0, order.indexOf(folder)), `${folder} > ${below}`).toContain(below);
      }
    }
  });
});
