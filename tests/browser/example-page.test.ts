import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM } from "../support/browser/chromium.ts";
import { serveFiles } from "../support/browser/serve.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "deepcache-example-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// As an application has it: the package beside ONNX Runtime Web. What is built is in dist.
describe.skipIf(!existsSync(at("dist/index-browser.js")))("examples/page", () => {
  beforeAll(async () => {
    cpSync(at("examples/page"), folder, { recursive: true });
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(at("."), join(folder, "node_modules/deepcache"));
    symlinkSync(at("node_modules/onnxruntime-web"), join(folder, "node_modules/onnxruntime-web"));
    const input = ["index.html", "picture.html"].map((name) => join(folder, name));
    await build({ root: folder, configFile: false, logLevel: "silent", build: { rollupOptions: { input } } });
  }, 120_000);

  test("is built by Vite without a setting, with a worker and ONNX Runtime's programs beside it", () => {
    const files = readdirSync(join(folder, "dist/assets")).map((name) => name.replace(/-[\w-]{8}(?=\.\w+$)/, ""));
    expect(files).toEqual(
      expect.arrayContaining(["run-worker.js", "ort-wasm-simd-threaded.jspi.wasm", "ort-wasm-simd-threaded.wasm"]),
    );
  });

  test.skipIf(CHROMIUM === undefined)(
    "makes an image in a browser",
    async () => {
      await using server = await serveFiles((path) =>
        path.startsWith("/models/") ? at(path.slice(1)) : join(folder, "dist", path === "/" ? "index.html" : path),
      );
      const browser = await chromium.launch({ executablePath: CHROMIUM ?? "", args: ["--no-sandbox"] });
      try {
        const page = await browser.newPage();
        const errors: string[] = [];
        page.on("pageerror", ({ message }) => void errors.push(message));
        await page.goto(server.url);
        await page.fill("input", "a fox on a teal background");
        await page.click("button");
        await page.waitForFunction("document.querySelector('img').alt !== ''", undefined, { timeout: 150_000 });
        expect(await page.getAttribute("img", "src")).toMatch(/^data:image\/png;base64,/);
        await page.goto(`${server.url}/picture.html`);
        await page.waitForFunction("document.querySelector('img').src !== ''", undefined, { timeout: 150_000 });
        expect(errors).toEqual([]);
      } finally {
        await browser.close();
      }
    },
    180_000,
  );
});
