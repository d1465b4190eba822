import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findOpenVino, type Machine } from "../../../src/runtime/openvino/find-openvino.ts";
import { koffiPath } from "../../../src/runtime/openvino/load-openvino.ts";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "deepcache-openvino-")));
});
afterEach(() => rmSync(root, { recursive: true }));

/** An empty file below the folder of the test. */
function file(path: string): string {
  const whole = join(root, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, "");
  return whole;
}

const find = (env: Machine["env"], platform = "linux"): string =>
  findOpenVino({ platform, env, home: join(root, "home") });

describe("OpenVINO", () => {
  test.each([
    ["Python's wheel", "openvino/libs/libopenvino_c.so.2641", "linux"],
    ["an archive", "runtime/lib/intel64/libopenvino_c.so.2641", "linux"],
    ["Debian's package", "lib/x86_64-linux-gnu/libopenvino_c.so.2641", "linux"],
    ["a folder of libraries", "libopenvino_c.so", "linux"],
    ["macOS", "lib/libopenvino_c.2641.dylib", "darwin"],
    ["Windows", "runtime/bin/intel64/Release/openvino_c.dll", "win32"],
  ])("is found in OPENVINO_DIR as in %s", (_, path, platform) => {
    const library = file(path);
    file(join(dirname(path), "libopenvino.so.2641"));
    expect(find({ OPENVINO_DIR: root }, platform)).toBe(library);
  });

  test("is found in the environment of Python that is active, then in the user's own", () => {
    const own = file("home/.local/lib/python3.12/site-packages/openvino/libs/libopenvino_c.so.2641");
    expect(find({})).toBe(own);
    const active = file("venv/lib/python3.11/site-packages/openvino/libs/libopenvino_c.so.2600");
    expect(find({ VIRTUAL_ENV: join(root, "venv") })).toBe(active);
  });

  test("is found where the loader of libraries looks, as the version that is in use", () => {
    file("lib/libopenvino_c.so.2500");
    const used = file("lib/libopenvino_c.so.2641");
    symlinkSync("libopenvino_c.so.2641", join(root, "lib/libopenvino_c.so"));
    expect(find({ LD_LIBRARY_PATH: `/nowhere:${join(root, "lib")}` })).toBe(used);
  });

  test("is not looked for elsewhere than in OPENVINO_DIR where that is given", () => {
    file("venv/lib/python3.11/site-packages/openvino/libs/libopenvino_c.so.2600");
    const named = join(root, "empty");
    expect(() => find({ OPENVINO_DIR: named, VIRTUAL_ENV: join(root, "venv") })).toThrow(
      `Cannot run on OpenVINO: OPENVINO_DIR is "${named}", in which there is no library libopenvino_c`,
    );
  });

  test("is called through a package that one command installs", () => {
    expect(() => koffiPath(join(root, "index.js"))).toThrow(
      expect.objectContaining({
        code: "RUNTIME_MISSING",
        message: expect.stringContaining('the package koffi, which calls it, is not installed; it takes "npm i koffi"'),
      }),
    );
  });
});
