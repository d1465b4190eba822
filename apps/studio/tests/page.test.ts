import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { folderRepo } from "../../../tests/hub/folder-repo.ts";
import { type TestHub, type TestRepo, testHub } from "../../../tests/hub/test-hub.ts";
import { SWIFTSHADER } from "../../../tests/support/browser/chromium.ts";
import { SLOW } from "../../../tests/support/slow.ts";
import { builtStudio } from "./support/built.ts";
import { CHROMIUM } from "./support/chromium.ts";
import { tooLarge } from "./support/sizes.ts";
import { type StaticHost, staticHost } from "./support/static-host.ts";
import { type StudioPage, studioPage } from "./support/studio-page.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
/** The page takes the library as it is built: npm run build. */
const isTestable = CHROMIUM !== undefined && existsSync(at("dist/index-browser.js"));

/** A model of random weights, which runs in a moment. */
const FOLDER = at("tests/fixtures/pipelines/sd15/model");

let host: StaticHost;
let hub: TestHub;
let built: string;

beforeAll(async () => {
  if (!isTestable) return;
  const files = folderRepo(FOLDER);
  const repos: Record<string, TestRepo> = {
    "org/tiny": { files },
    "org/gated": { files, gated: true, token: "secret" },
  };
  hub = await testHub(repos);
  built = builtStudio("production", `${hub.endpoint} ${hub.storage}`);
  host = await staticHost(built);
}, 120_000);

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await hub?.[Symbol.asyncDispose]();
});

/** The studio in a profile of its own, which keeps what it is given. */
async function opened(
  args: readonly string[] = [],
): Promise<StudioPage & AsyncDisposable & { readonly context: BrowserContext }> {
  const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "profile-")), {
    executablePath: CHROMIUM ?? "",
    args: ["--no-sandbox", ...args],
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
  test("is within its budgets", async () => {
    expect(await tooLarge(built, "page")).toEqual([]);
  });

  test("loads nothing of an engine before the first run, keeps it, and then works without a network", async () => {
    host.asked.length = 0;
    await using studio = await opened();
    const { page, context } = studio;
    expect(await page.locator(".status").textContent()).toMatch(
      /MB of program and \d+ MB of model.*a picture of 64 px takes about \d/,
    );
    await studio.accessible("no WebGPU", ".status");
    expect(host.asked.filter((path) => /^\/(engine|models)\//.test(path))).toEqual([]);
    await studio.make();
    await page.locator(".opening progress").waitFor();
    await studio.accessible("opening", ".status");
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
    await studio.accessible("offline", ".status");
    expect(host.asked.filter((path) => /^\/(assets|models)\//.test(path))).toEqual([]);
  }, 300_000);

  test("goes on with a download where it was left or cut off, and refuses what is not as it should be", async () => {
    const weights = "unet/diffusion_pytorch_model.fp16.safetensors";
    const name = existsSync(at(`models/fluent-scenes/${weights}`))
      ? weights
      : "unet/diffusion_pytorch_model.safetensors";
    host.hold(name, 6_000_000);
    await using studio = await opened();
    const { page } = studio;
    await studio.make();
    const file = page.locator(".opening li").filter({ hasText: name });
    await expect.poll(() => file.textContent(), { timeout: 30_000 }).toMatch(/: 6\.0 MB of/);
    host.asked.length = 0;
    host.cut(name, 5_000_000);
    host.spoil(name);
    await page.reload();
    await page.locator(".status.empty").waitFor();
    await studio.make();
    const alert = page.getByRole("alert");
    await expect.poll(() => alert.textContent(), { timeout: 30_000 }).toMatch(/digest .*Try it again/);
    // What has arrived before a connection ends stays.
    const [left = 0, cut = 0] = models().map((path) => Number(/safetensors bytes=(\d+)-$/.exec(path)?.[1]));
    expect(left).toBeGreaterThan(4_000_000);
    expect(cut).toBeGreaterThan(left);
    expect(cut).toBeLessThanOrEqual(left + 5_000_000);
    host.spoil(undefined);
    await studio.make();
    await studio.done();
  }, 300_000);

  test("runs without keeping where there is no room", async () => {
    await using studio = await opened();
    const { page, context } = studio;
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: host.url, quotaSize: 3_000_000 });
    await studio.make();
    await studio.done();
    expect(await page.locator(".news").textContent()).toMatch(/no room for the \d+ MB of this model: the model is not/);
  }, 300_000);

  test("opens a folder that is dropped, keeps it when asked, and may be asked for it again", async () => {
    await using studio = await opened();
    const { page } = studio;
    host.asked.length = 0;
    const chosen = () => page.locator(".model-bar select").inputValue();
    await studio.dropFromDisk(FOLDER);
    await expect.poll(chosen, { timeout: 30_000 }).toBe("model");
    await page.locator(".status.empty").waitFor();
    await studio.make();
    await studio.done();
    await page.getByRole("button", { name: "Keep in this browser" }).click();
    await page.getByText("model is kept in this browser").waitFor();
    await page.addInitScript(() => {
      const answers: PermissionState[] = ["denied", "granted"];
      Object.assign(FileSystemHandle.prototype, {
        queryPermission: async () => "prompt",
        requestPermission: async () => answers.shift() ?? "granted",
      });
    });
    await page.reload();
    await page.locator(".status.empty").waitFor();
    expect(await chosen()).toBe("model");
    await studio.make();
    await expect.poll(() => page.getByRole("alert").textContent()).toContain("may not read it any more");
    await studio.make();
    await studio.done();
    expect(models()).toEqual([]);
    await page.getByRole("button", { name: /Processor/ }).click();
    await page.getByText("kept in this browser", { exact: true }).waitFor();
    await studio.accessible("doctor", "dialog[open]");
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect.poll(chosen).toBe("fluent-scenes");
    await page.keyboard.press("Escape");
    expect(await page.evaluate(keptFolders)).toBe(0);
    await studio.drop([{ name: "broken.safetensors", bytes: new Uint8Array(100).fill(7) }]);
    await expect.poll(() => page.getByRole("alert").textContent()).toMatch(/Cannot .*broken/);
    await studio.accessible("error", ".status");
  }, 300_000);

  test("downloads a model of the hub when it is asked to, keeps it, and then asks nobody", async () => {
    await using studio = await opened();
    const { page, context } = studio;
    const dialog = page.getByRole("dialog", { name: "From the hub" });
    const order = async (id: string, token = ""): Promise<void> => {
      await page.getByRole("button", { name: "From the hub…" }).click();
      await dialog.getByLabel("Model", { exact: true }).fill(id);
      await dialog.getByLabel("Token, for private").fill(token);
      await dialog.getByRole("button", { name: "Download and open" }).click();
    };
    const chosen = () => page.locator(".model-bar select").inputValue();
    const weights = () => hub.seen.filter(({ host }) => host.startsWith("localhost")).map(({ range }) => range);
    await order("tiny");
    await dialog.getByText("An id such as org/name is required").waitFor();
    await studio.accessible("hub", "dialog[open]");
    await page.keyboard.press("Escape");
    expect(hub.seen).toEqual([]);

    await order("org/gated");
    const alert = page.getByRole("alert");
    await expect
      .poll(() => alert.textContent(), { timeout: 30_000 })
      .toMatch(/^Cannot download "org\/gated": it is gated \(403\); .*token that may read it, in "From the hub"/);
    hub.faults.push(...Array.from({ length: 8 }, () => ({ kind: "stall" }) as const));
    await order("org/gated", "secret");
    const opening = () => page.locator(".status.opening").textContent();
    await expect.poll(opening, { timeout: 20_000 }).toMatch(/^Fetching org\/gated from 127.* MB of 0\.7 MB/);
    await expect.poll(opening, { timeout: 20_000 }).toContain("waiting for the network");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator(".status.empty").waitFor();
    hub.faults.length = 0;
    hub.seen.length = 0;
    await order("org/gated", "secret");
    await expect.poll(chosen, { timeout: 30_000 }).toBe("org/gated");
    expect(weights().some((range) => /^bytes=[1-9]\d*-$/.test(range ?? ""))).toBe(true);
    expect(await page.evaluate(() => Object.values(localStorage).join(" "))).not.toContain("secret");

    hub.seen.length = 0;
    await page.reload();
    await page.locator(".status.empty").waitFor();
    expect(await chosen()).toBe("org/gated");
    await studio.make();
    await studio.done();
    expect(hub.seen).toEqual([]);
    await context.setOffline(true);
    await page.getByRole("button", { name: "From the hub…" }).click();
    await dialog.getByText("There is no network").waitFor();
    expect(await dialog.getByRole("button", { name: "Download and open" }).isDisabled()).toBe(true);
    await page.keyboard.press("Escape");
    await context.setOffline(false);
    await page.getByRole("button", { name: /Processor/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect.poll(chosen, { timeout: 30_000 }).toBe("fluent-scenes");
    await expect.poll(() => page.evaluate(keptOfHub), { timeout: 30_000 }).toEqual([]);
  }, 300_000);

  // Software in place of a GPU takes a minute for this.
  test.skipIf(!SLOW)(
    "runs on a GPU where that is chosen, and makes the pair again once the browser loses it",
    async () => {
      await using studio = await opened(SWIFTSHADER);
      const { page } = studio;
      await page.getByRole("button", { name: /Processor/ }).click();
      const gpu = page.getByRole("radio", { name: /GPU/ });
      await page.getByRole("dialog").getByText("swiftshader: software in place of a GPU").waitFor();
      await gpu.check();
      await page.getByRole("button", { name: "GPU · this page" }).waitFor();
      await page.getByRole("button", { name: "Close" }).click();
      const started = page.waitForEvent("worker");
      await page.locator("input[webkitdirectory]").setInputFiles(FOLDER);
      await page.locator(".status.empty").waitFor();
      await page.getByLabel("Steps").fill("2");
      await page
        .getByLabel("Sampler")
        .evaluate((select: HTMLSelectElement) => select.closest("details")?.setAttribute("open", ""));
      await page.getByLabel("Sampler").selectOption("ddim");
      await page.getByLabel("Way").selectOption("copy");
      await studio.make();
      const worker = await started;
      await worker.evaluate(watchDevices);
      await page.locator(".status.running progress[value]").waitFor();
      await worker.evaluate(() =>
        (globalThis as unknown as { devices: { destroy(): void }[] }).devices.at(-1)?.destroy(),
      );
      await studio.done();
      expect(await page.locator(".warning").textContent()).toContain("the run has begun again");
      expect(await page.locator(".took").allTextContents()).toEqual([
        expect.stringContaining("2 full"),
        expect.stringContaining("1 full + 1 cached"),
      ]);
    },
    150_000,
  );
});

/** How many models are kept. */
async function keptFolders(): Promise<number> {
  const root = await navigator.storage.getDirectory();
  let count = 0;
  for await (const _ of (await root.getDirectoryHandle("kept")).keys()) count++;
  return count;
}

/** What is kept of the hub. */
async function keptOfHub(): Promise<readonly string[]> {
  let at = await navigator.storage.getDirectory();
  for (const name of ["deepcache", "hub"]) at = await at.getDirectoryHandle(name);
  const found: string[] = [];
  for await (const name of at.keys()) found.push(name);
  return found.filter((name) => name.startsWith("models--"));
}

/** Keeps the GPU devices that the worker gets from now on. */
function watchDevices(): void {
  const devices: unknown[] = [];
  const { GPUAdapter } = globalThis as unknown as {
    GPUAdapter: { prototype: { requestDevice(given: unknown): unknown } };
  };
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (given) {
    const device = await requestDevice.call(this, given);
    devices.push(device);
    return device;
  };
  Object.assign(globalThis, { devices });
}
