import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SWIFTSHADER } from "../../../tests/support/browser/chromium.ts";
import { SLOW } from "../../../tests/support/slow.ts";
import { at, FOLDER, isTestable, type OwnPage, ownPage } from "./support/own-page.ts";
import { singleFile } from "./support/single-file.ts";
import { tooLarge } from "./support/sizes.ts";
import { type StaticHost, staticHost } from "./support/static-host.ts";

let own: OwnPage;
let host: StaticHost;

beforeAll(async () => {
  if (!isTestable) return;
  own = await ownPage();
  ({ host } = own);
}, 120_000);

afterAll(() => own?.[Symbol.asyncDispose]());

const opened: OwnPage["opened"] = (args) => own.opened(args);

const models = (): string[] => host.asked.filter((path) => path.startsWith("/models/"));

describe.skipIf(!isTestable)("the studio as a page that runs models itself", () => {
  test("is within its budgets", async () => {
    expect(await tooLarge(own.built, "page")).toEqual([]);
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

  test("can ask no host but its own and the hub's", async () => {
    await using elsewhere = await staticHost(own.built);
    await using studio = await opened();
    const answers = await studio.page.evaluate(async (url) => {
      const told = (make: () => Promise<unknown>): Promise<string> =>
        make().then(
          () => "reached",
          () => "refused",
        );
      const loaded = (element: HTMLImageElement | HTMLScriptElement): Promise<unknown> =>
        new Promise((resolve, reject) => {
          element.onload = resolve;
          element.onerror = reject;
          element.src = `${url}/icon.svg`;
          document.head.append(element);
        });
      return {
        fetch: await told(() => fetch(`${url}/fetch`, { mode: "no-cors" })),
        picture: await told(() => loaded(new Image())),
        script: await told(() => loaded(document.createElement("script"))),
        own: await told(() => fetch(location.href)),
      };
    }, elsewhere.url);
    expect(answers).toEqual({ fetch: "refused", picture: "refused", script: "refused", own: "reached" });
    expect(elsewhere.asked).toEqual([]);
  });

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

  test("opens a single file that is dropped, makes a picture with it, and finds it again at the next visit", async () => {
    await using studio = await opened();
    const { page } = studio;
    const chosen = () => page.locator(".model-bar select").inputValue();
    host.asked.length = 0;
    await studio.dropFromDisk(singleFile("photo.safetensors"));
    await expect.poll(chosen, { timeout: 30_000 }).toBe("photo.safetensors");
    await page.locator(".status.empty").waitFor();
    for (const side of ["Width", "Height"]) await page.getByLabel(side).fill("64");
    await studio.make();
    await studio.done();
    expect(models()).toEqual([]); // nothing but the vocabulary, which such files lack, comes from the host
    expect(host.asked.filter((path) => path.startsWith("/clip-tokenizer/"))).not.toEqual([]);
    expect(await page.locator(".took").allTextContents()).toEqual([
      expect.stringMatching(/ s · 3 full$/),
      expect.stringMatching(/ s · 2 full \+ 1 cached$/),
    ]);
    await page.reload();
    await page.locator(".status.empty").waitFor();
    expect(await chosen()).toBe("photo.safetensors");
  }, 300_000);

  test("opens a single file as the YAML beside it says, and refuses what is larger than this browser can run", async () => {
    await using studio = await opened();
    const { page } = studio;
    const file = singleFile("painting.safetensors");
    const pick = (config: Buffer) =>
      page.locator("input[type=file][multiple]").setInputFiles([
        { name: "painting.safetensors", mimeType: "application/octet-stream", buffer: readFileSync(file) },
        { name: "config.yaml", mimeType: "text/yaml", buffer: config },
      ]);
    await pick(Buffer.from("model: [never closed"));
    const alert = page.getByRole("alert");
    await expect.poll(() => alert.textContent(), { timeout: 30_000 }).toMatch(/^Cannot .*config\.yaml/);
    await pick(readFileSync(at("tests/fixtures/original/single/config.yaml")));
    await expect.poll(() => page.locator(".model-bar select").inputValue()).toBe("painting.safetensors");
    const large = join(dirname(file), "large.safetensors");
    writeFileSync(large, "");
    truncateSync(large, 3e9); // which takes no room
    await studio.dropFromDisk(large);
    await expect
      .poll(() => alert.textContent(), { timeout: 30_000 })
      .toMatch(/^Cannot open this model here: it has 3\.0 GB, and this browser can run \d\.\d GB; "deepcache serve"/);
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
