import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium, type Page } from "playwright-core";
import { CHROMIUM, SWIFTSHADER } from "./chromium.ts";
import type { Tested } from "./page/page.ts";
import { type FileServer, type ServeOptions, serveFiles } from "./serve.ts";
import { standIns } from "./stand-ins.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ONNX_RUNTIME = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/jspi"));

/** A page of src in Chromium, at a server of its own. */
export interface BrowserPage extends AsyncDisposable {
  readonly page: Page;
  readonly server: FileServer;
  /** Loads the page anew. */
  reload(): Promise<void>;
  /** Calls what the page offers to tests. */
  ask<Name extends keyof Tested>(
    name: Name,
    ...given: Parameters<Tested[Name]>
  ): Promise<Awaited<ReturnType<Tested[Name]>>>;
}

const PAGE =
  '<!doctype html><input id="folder" type="file" webkitdirectory><script type="module" src="/page.js"></script>';

/** How a page is opened. */
export interface PageOptions extends ServeOptions {
  readonly webgpu?: boolean;
  /** Folders on disk by the paths that they are served below. */
  readonly folders?: Readonly<Record<string, string>>;
}

/** Opens a page; `webgpu` gives it SwiftShader. The models of the package lie below /models. */
export async function openPage({ webgpu = false, folders = {}, ...options }: PageOptions = {}): Promise<BrowserPage> {
  const folder = mkdtempSync(join(tmpdir(), "deepcache-page-"));
  await build({
    entryPoints: {
      page: at("page/page.ts"),
      "run-worker": at("page/run-worker.ts"),
      "file-worker": at("../../../src/hub/stores/web/file-worker.ts"),
    },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
    plugins: [standIns],
  });
  const server = await serveFiles((path) => {
    if (path === "/") return { text: PAGE };
    const [below, served] = Object.entries(folders).find(([below]) => path.startsWith(`${below}/`)) ?? [];
    if (below !== undefined && served !== undefined) return join(served, path.slice(below.length));
    if (path.endsWith(".wasm")) return join(ONNX_RUNTIME, path);
    return path.startsWith("/models/") ? at(`../../..${path}`) : join(folder, path);
  }, options);
  const browser = await chromium.launch({
    executablePath: CHROMIUM ?? "",
    args: ["--no-sandbox", "--js-flags=--expose-gc", ...(webgpu ? SWIFTSHADER : [])],
  });
  const page = await browser.newPage();
  const ready = async (): Promise<void> => void (await page.waitForFunction("globalThis.tested !== undefined"));
  await page.goto(server.url);
  await ready();
  return {
    page,
    server,
    async reload() {
      await page.reload();
      await ready();
    },
    ask: (name, ...given) =>
      page.evaluate(
        ([name, given]) =>
          (globalThis as unknown as { tested: Record<string, (...given: unknown[]) => never> }).tested[name]!(...given),
        [name as string, given as unknown[]] as const,
      ),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
