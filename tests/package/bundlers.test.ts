import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { build as bundle } from "esbuild";
import { build as buildPage } from "vite";
import { describe, expect, inject, test } from "vitest";
import { drawPlan, fullEvaluations } from "../../src/plan.ts";
import { expectPicture } from "./support/picture.ts";

const { app } = inject("packed");

const REQUIRE = 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);';

/** Bundles a server's program for Node, in the way that its extension says. */
async function bundleServer(name: "picture.mjs" | "picture.cjs", folder: string, external: string[]): Promise<string> {
  const outfile = join(app, folder, name);
  const { warnings } = await bundle({
    entryPoints: [join(app, name)],
    outfile,
    bundle: true,
    platform: "node",
    format: name === "picture.mjs" ? "esm" : "cjs",
    external,
    // Modules have no `require`, which CommonJS dependencies call for what Node brings.
    banner: name === "picture.mjs" ? { js: REQUIRE } : {},
    logLevel: "silent",
    logOverride: { "empty-import-meta": "silent" }, // CommonJS has none
  });
  expect(warnings).toEqual([]);
  return outfile;
}

describe.each(["picture.mjs", "picture.cjs"] as const)("a server's bundle of %s makes a picture", (name) => {
  test("with the package beside it", async () => {
    await expectPicture(process.execPath, [await bundleServer(name, "beside", ["deepcache"])], app);
  });

  test("with the package inside it", async () => {
    await expectPicture(process.execPath, [await bundleServer(name, "inside", [])], app);
  });
});

test("a page that Vite has built shows a plan", async () => {
  const page = join(app, "page");
  const output = { format: "iife", entryFileNames: "[name].js" } as const;
  const warnings: string[] = [];
  await buildPage({
    root: page,
    configFile: false,
    logLevel: "silent",
    build: { modulePreload: false, rollupOptions: { output, onwarn: ({ message }) => void warnings.push(message) } },
  });
  expect(warnings).toEqual([]);
  const files = readdirSync(join(page, "dist"), { recursive: true, encoding: "utf8" });
  const [script = ""] = files.filter((name) => name.endsWith(".js"));

  const plan = { textContent: "" };
  const document = { querySelector: (selector: string) => (selector === "#plan" ? plan : undefined) };
  runInContext(readFileSync(join(page, "dist", script), "utf8"), createContext({ document }));
  const shown = fullEvaluations({ kind: "uniform", interval: 5, branch: 0 }, 10);
  expect(JSON.parse(plan.textContent)).toEqual({ plan: drawPlan(shown, 10), macs: expect.any(Number), psnr: 0 });
});
