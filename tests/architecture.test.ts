import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/** What each folder of src may import, from the bottom up. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  tensor: [],
  onnx: ["tensor"],
  checkpoint: ["tensor"],
  diffusion: ["tensor"],
  image: ["tensor"],
  hub: ["checkpoint"],
  tokenizer: [],
  layers: ["onnx", "checkpoint", "tensor"],
  models: ["layers", "onnx", "checkpoint", "tensor"],
  deepcache: ["onnx", "models", "tensor"],
  runtime: ["onnx", "tensor"],
  denoisers: ["diffusion", "models", "deepcache", "runtime", "tensor"],
  // `deepcache` beyond the design's table: docs/decisions/0003-pipelines-know-cache-policies.md
  pipelines: [
    "denoisers",
    "deepcache",
    "diffusion",
    "models",
    "checkpoint",
    "hub",
    "tokenizer",
    "runtime",
    "image",
    "tensor",
  ],
  metrics: ["models", "checkpoint", "tokenizer", "onnx", "runtime", "image", "tensor"],
  benchmark: [
    "pipelines",
    "metrics",
    "denoisers",
    "deepcache",
    "diffusion",
    "models",
    "checkpoint",
    "runtime",
    "onnx",
    "image",
    "tensor",
  ],
  // Everything below: what it evaluates, and what it measures with.
  evaluation: [
    "pipelines",
    "metrics",
    "denoisers",
    "deepcache",
    "diffusion",
    "models",
    "checkpoint",
    "hub",
    "tokenizer",
    "onnx",
    "runtime",
    "image",
    "tensor",
  ],
};
const BELOW_COMMANDS = Object.keys(LAYERS);
const TABLE: typeof LAYERS = { ...LAYERS, server: BELOW_COMMANDS, cli: [...BELOW_COMMANDS, "server"] };

/** Files directly in src; they may import anything. */
const ENTRIES = ["index.ts"];

/** Modules that only some folders, or single files, may import. */
const RESERVED: readonly { readonly module: RegExp; readonly places: readonly string[] }[] = [
  { module: /^onnxruntime-/, places: ["runtime"] },
  { module: /^@bufbuild\/protobuf/, places: ["onnx"] },
  {
    module: /^node:/,
    places: ["checkpoint", "hub", "runtime", "cli", "server", "image/write-image.ts", "evaluation/stores/folder.ts"],
  },
];

const MOST_LINES = 300;
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
  return [...found, ...folderCycles(sources)];
}

function placeViolation(path: string): string | undefined {
  const folder = folderOf(path);
  if (folder === "") return ENTRIES.includes(path) ? undefined : `${path} lies outside every folder`;
  return TABLE[folder] ? undefined : `${path} lies in "${folder}", which the table does not list`;
}

function importViolation(path: string, module: string): string | undefined {
  const from = folderOf(path);
  const allowed = TABLE[from];
  if (allowed === undefined) return undefined;
  if (module.startsWith(".")) {
    const to = folderOf(resolved(path, module));
    return to === from || allowed.includes(to)
      ? undefined
      : `${path} imports ${module}: ${from} may not import ${to || "src"}`;
  }
  const reserved = RESERVED.find((rule) => rule.module.test(module));
  if (reserved === undefined || reserved.places.some((place) => path === place || from === place)) return undefined;
  return `${path} imports ${module}: only ${reserved.places.join(", ")} may`;
}

function folderCycles(sources: ReadonlyMap<string, string>): string[] {
  const edges = new Map<string, Set<string>>();
  for (const [path, source] of sources) {
    const from = folderOf(path);
    const targets = importsOf(source).filter((module) => module.startsWith("."));
    for (const to of targets.map((module) => folderOf(resolved(path, module)))) {
      if (to !== from) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  const reaches = (start: string, end: string, seen = new Set<string>()): boolean =>
    [...(edges.get(start) ?? [])].some(
      (next) => next === end || (!seen.has(next) && reaches(next, end, seen.add(next))),
    );
  return [...edges.keys()]
    .filter((folder) => reaches(folder, folder))
    .map((folder) => `${folder} imports itself in a circle`);
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

test("src keeps to the layers", () => {
  const root = fileURLToPath(new URL("../src", import.meta.url));
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const sources = new Map(
    paths.map((path) => [relative(root, path).replaceAll(sep, "/"), readFileSync(path, "utf8")] as const),
  );
  expect(sources.size).toBeGreaterThan(0);
  expect(violations(sources)).toEqual([]);
});

describe("the check", () => {
  const check = (path: string, source: string): string[] => violations(new Map([[path, source]]));

  test.each([
    ["tensor/a.ts", 'import { b } from "./b.ts";'],
    ["image/png.ts", 'import type { Tensor } from "../tensor/tensor.ts";\nimport { decode } from "fast-png";'],
    ["image/write-image.ts", 'import { writeFileSync } from "node:fs";'],
    ["diffusion/samplers/ddim.ts", 'import type {\n  Sampler,\n} from "../sampler.ts";'],
    ["runtime/node.ts", 'import { InferenceSession } from "onnxruntime-node";'],
    ["cli/main.ts", 'import { start } from "../server/server.ts";\nconsole.log("x");'],
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
    ["models/a.ts", 'import { create } from "@bufbuild/protobuf";', "only onnx may"],
    ["image/png.ts", 'import { Buffer } from "node:buffer";', "imports node:buffer"],
    ["tensor/a.ts", 'console.log("x");', "prints to the console"],
    ["utils/a.ts", "export {};", 'lies in "utils", which the table does not list'],
    ["stray.ts", "export {};", "lies outside every folder"],
    ["tensor/a.ts", "x\n".repeat(301), "has 301 lines"],
  ])("catches %s: %j", (path, source, message) => {
    expect(check(path, source)).toEqual([expect.stringContaining(message)]);
  });

  test("catches folders that import one another in a circle", () => {
    const circle = new Map([
      ["server/a.ts", 'import { x } from "../cli/x.ts";'],
      ["cli/x.ts", 'import { y } from "../server/y.ts";'],
    ]);
    expect(violations(circle)).toEqual([
      "server/a.ts imports ../cli/x.ts: server may not import cli",
      "server imports itself in a circle",
      "cli imports itself in a circle",
    ]);
  });

  test("has a table in which every layer stands above what it imports", () => {
    const order = Object.keys(TABLE);
    for (const [folder, allowed] of Object.entries(TABLE)) {
      for (const below of allowed)
        expect(order.indexOf(below), `${folder} > ${below}`).toBeLessThan(order.indexOf(folder));
      expect(allowed.every((name) => order.includes(name))).toBe(true);
    }
  });
});
