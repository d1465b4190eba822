import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtStudio } from "./support/built.ts";
import { CHROMIUM } from "./support/chromium.ts";
import { type StaticHost, staticHost } from "./support/static-host.ts";
import { type StudioPage, studioPage } from "./support/studio-page.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
/** The page takes the library as it is built: npm run build. */
const isTestable = CHROMIUM !== undefined && existsSync(at("dist/index-browser.js"));

let host: StaticHost;

beforeAll(async () => {
  if (isTestable) host = await staticHost(builtStudio("production"));
}, 120_000);

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
});

/** The studio in a profile of its own, which keeps what it is given. */
async function opened(): Promise<StudioPage & AsyncDisposable & { readonly context: BrowserContext }> {
  const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "profile-")), {
    executablePath: CHROMIUM ?? "",
    args: ["--no-sandbox"],
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(40_000);
  await page.goto(`${host.url}/#steps=3&previewEvery=1`);
  await page.locator(".status.empty").waitFor();
  return { ...studioPage(page), context, [Symbol.asyncDispose]: () => context.close() };
}

const models = (): string[] => host.asked.filter((path) => path.startsWith("/models/"));

describe.skipIf(!isTestable)("the studio as a page that runs models itself", () => {
  test("loads nothing of an engine before the first run, keeps it, and then works without a network", async () => {
    host.asked.length = 0;
    await using studio = await opened();
    const { page, context } = studio;
    expect(await page.locator(".status").textContent()).toMatch(/MB of program and \d+ MB of model/);
    await studio.accessible("no WebGPU");
    expect(host.asked.filter((path) => /wasm|index-browser|^\/models/.test(path))).toEqual([]);
    await studio.make();
    await page.locator(".opening progress").waitFor();
    await studio.accessible("opening");
    await studio.done();
    expect(await page.locator(".verdict").textContent()).toMatch(/× as fast.*PSNR/);
    await expect
      .poll(() => page.evaluate(() => navigator.serviceWorker.controller !== null), { timeout: 20_000 })
      .toBe(true);
    host.asked.length = 0;
    await context.setOffline(true);
    await page.reload();
    await page.locator(".status.empty").waitFor();
    await studio.make();
    await studio.done();
    expect(host.asked.filter((path) => /^\/(assets|models)\//.test(path))).toEqual([]);
  }, 150_000);

  test("goes on with a download at the byte where it was cut off, and refuses what is not as it should be", async () => {
    const weights = "unet/diffusion_pytorch_model.fp16.safetensors";
    const name = existsSync(at(`models/fluent-scenes/${weights}`))
      ? weights
      : "unet/diffusion_pytorch_model.safetensors";
    host.cut(name, 5_000_000);
    await using studio = await opened();
    const { page } = studio;
    await studio.make();
    await expect
      .poll(() => page.getByRole("alert").textContent(), { timeout: 30_000 })
      .toMatch(/broke after \d+ of \d+/);
    host.asked.length = 0;
    host.spoil(name);
    await page.reload();
    await page.locator(".status.empty").waitFor();
    await studio.make();
    await expect.poll(() => page.getByRole("alert").textContent(), { timeout: 30_000 }).toMatch(/digest .*try again/);
    expect(models()).toEqual([expect.stringMatching(/safetensors bytes=[1-9]\d{5,}-$/)]);
    host.spoil(undefined);
    await studio.make();
    await studio.done();
  }, 150_000);

  test("runs without keeping where there is no room", async () => {
    await using studio = await opened();
    const { page, context } = studio;
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: host.url, quotaSize: 3_000_000 });
    await studio.make();
    await studio.done();
    expect(await page.locator(".news").textContent()).toContain("the model is not kept");
    await studio.done();
  }, 150_000);

  test("opens a folder of the visitor's own without asking anybody, and says what is wrong with a file", async () => {
    await using studio = await opened();
    const { page } = studio;
    host.asked.length = 0;
    await page.locator("input[webkitdirectory]").setInputFiles(at("tests/fixtures/pipelines/sd15/model"));
    await expect.poll(() => page.locator(".model-bar select").inputValue(), { timeout: 30_000 }).toBe("model");
    await page.locator(".status.empty").waitFor();
    await studio.make();
    await studio.done();
    expect(models()).toEqual([]);
    await studio.drop([{ name: "broken.safetensors", bytes: new Uint8Array(100).fill(7) }]);
    await expect.poll(() => page.getByRole("alert").textContent()).toMatch(/Cannot .*broken/);
    await studio.accessible("error");
  }, 150_000);
});
