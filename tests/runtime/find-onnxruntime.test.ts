import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findOnnxRuntime } from "../../src/runtime/node/find-onnxruntime.ts";

const MISSING = expect.objectContaining({ name: "DeepCacheError", code: "RUNTIME_MISSING" });

let app: string;
beforeEach(() => {
  app = realpathSync(mkdtempSync(join(tmpdir(), "deepcache-find-")));
});
afterEach(() => rmSync(app, { recursive: true }));

/** A package of this version in a folder below the application's. */
function install(folder: string, version: string): string {
  const path = join(app, "node_modules", folder);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "package.json"), JSON.stringify({ version }));
  return path;
}

const find = (arch = "x64") =>
  findOnnxRuntime(join(app, "node_modules/deepcache/dist/index.js"), { platform: "linux", arch });

describe("ONNX Runtime", () => {
  test("is the one that is installed beside the package, before the carried copy", () => {
    install("deepcache", "0.1.0");
    install("deepcache/onnxruntime/linux-x64", "1.30.0");
    const folder = install("onnxruntime-node", "1.30.2");
    expect(find()).toEqual({ folder, version: "1.30.2" });
  });

  test("is the carried copy of this system where none is installed", () => {
    install("deepcache", "0.1.0");
    const folder = install("deepcache/onnxruntime/linux-x64", "1.30.0");
    expect(find()).toEqual({ folder, version: "1.30.0" });
  });

  test("is found from a program that the package was bundled into", () => {
    install("deepcache", "0.1.0");
    const folder = install("deepcache/onnxruntime/linux-x64", "1.30.0");
    const bundle = join(app, "server.js");
    expect(findOnnxRuntime(bundle, { platform: "linux", arch: "x64" }).folder).toBe(folder);
  });

  test("is asked for with one command where a system has neither", () => {
    install("deepcache", "0.1.0");
    install("deepcache/onnxruntime/linux-x64", "1.30.0");
    expect(() => find("arm64")).toThrow(MISSING);
    expect(() => find("arm64")).toThrow(
      'Cannot run networks on linux arm64: ONNX Runtime is not installed, it takes "npm i -O onnxruntime-node@1.30 --ignore-scripts"',
    );
  });

  test.each(["0.31.0", "1.29.0", "1.4.0", "1.29.9-dev.1"])("is refused where version %s is installed", (version) => {
    install("deepcache", "0.1.0");
    install("deepcache/onnxruntime/linux-x64", "1.30.0");
    const folder = install("onnxruntime-node", version);
    expect(find).toThrow(MISSING);
    expect(find).toThrow(
      `Cannot use onnxruntime-node ${version} of "${folder}": 1.30 or later is required (npm i -O onnxruntime-node@1.30 --ignore-scripts)`,
    );
  });

  test.each(["1.30.0", "1.31.0-dev.20260914-8d85527a0", "2.0.0"])("may be of version %s", (version) => {
    install("onnxruntime-node", version);
    expect(find().version).toBe(version);
  });
});
