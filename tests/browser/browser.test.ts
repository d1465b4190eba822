import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pipeline } from "../../src/library/pipeline.ts";
import { type BrowserPage, openPage } from "../support/browser/browser-page.ts";
import { CHROMIUM } from "../support/browser/chromium.ts";
import { fixturePath } from "../support/fixtures.ts";
import { SLOW } from "../support/slow.ts";

/** Latents on wasm, whose sums are in another order than those of Node; measured 2.7e-5 over 21 evaluations. */
const WASM_LATENTS = 1e-4;
/** Latents on SwiftShader after few evaluations; measured 1.2e-4 over nine. */
const SWIFTSHADER_LATENTS = 2e-3;

const MODEL = "/models/fluent-scenes";
const REQUEST = { prompt: "a fox on a teal background", steps: 6, seed: 3, guidanceScale: 4 } as const;
const FOLDER = new URL("../../models/fluent-scenes", import.meta.url).pathname;

/** Of random weights. */
const TINY = fixturePath("pipelines/sd15/model");

const furthest = (a: ArrayLike<number>, b: ArrayLike<number> | undefined): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - (b?.[i] ?? Number.NaN))), 0);

describe.skipIf(CHROMIUM === undefined)("in a browser, on the CPU", () => {
  let browser: BrowserPage;
  beforeAll(async () => {
    browser = await openPage();
  }, 60_000);
  afterAll(() => browser?.[Symbol.asyncDispose]());

  test("a served folder makes the latents that it makes in Node, full and cached, in a worker", async () => {
    const { ask } = browser;
    expect(await ask("open", MODEL, { device: "wasm" })).toMatchObject({ name: "fluent-scenes" });
    await using node = await pipeline("text-to-image");
    for (const cache of ["off", 3] as const) {
      const { prompt, ...options } = { ...REQUEST, cache };
      const [{ latents }, outcome] = [await node(prompt, options), await ask("run", { ...REQUEST, cache })];
      expect(outcome.error).toBeUndefined();
      expect(furthest(latents.data, outcome.latents)).toBeLessThan(WASM_LATENTS);
      expect(outcome.png).toMatch(/^data:image\/png;base64,/);
    }
  }, 120_000);

  test("configs are read once, here and in the worker, and weights as one file", () => {
    const paths = browser.server.asked.filter((path) => path.startsWith(MODEL));
    const configs = paths.filter((path) => path.includes(".json"));
    expect(new Set(configs).size).toBe(configs.length);
    expect(configs.length).toBeGreaterThan(8);
    const weights = new Set(paths.filter((path) => path.includes("/unet/diffusion_pytorch_model.safetensors")));
    const file = `${MODEL}/unet/diffusion_pytorch_model.safetensors`;
    expect([...weights]).toEqual([`${file} bytes=0-131071`, file]);
  });

  test("a run stops when it is told to, and the next one is as if nothing had been", async () => {
    const before = await browser.ask("run", REQUEST);
    const stopped = await browser.ask("run", REQUEST, { abortAfter: 2 });
    expect(stopped).toMatchObject({ name: "AbortError" });
    expect(stopped.events.at(-1)).toBe("evaluation");
    expect((await browser.ask("run", REQUEST)).latents).toEqual(before.latents);
    // All of its memory, the GPU's as well, goes with the worker.
    expect(browser.page.workers()).toHaveLength(1);
    await browser.ask("run", REQUEST, { abortAfter: 1 });
    await browser.ask("dispose");
    await expect.poll(() => browser.page.workers()).toEqual([]);
  }, 60_000);

  test("a folder that was picked runs without a request", async () => {
    const { ask, page, server } = browser;
    await page.setInputFiles("#folder", FOLDER);
    const asked = server.asked.length;
    expect(await ask("open", undefined, { device: "wasm" })).toMatchObject({ name: "fluent-scenes" });
    expect(await ask("run", { ...REQUEST, steps: 1 })).toMatchObject({ events: expect.arrayContaining(["result"]) });
    expect(server.asked.slice(asked).filter((path) => path.startsWith("/models/"))).toEqual([]);
    await ask("dispose");
    expect(await ask("run", REQUEST)).toMatchObject({ name: "DeepCacheError" });
  }, 60_000);

  test("a folder of the page's own file system runs in a worker, again without a request", async () => {
    const { ask, page, server } = browser;
    await page.setInputFiles("#folder", FOLDER);
    const asked = server.asked.length;
    expect(await ask("openStored", { device: "wasm" })).toEqual({ name: "fluent-scenes", events: ["fluent-scenes"] });
    expect(await ask("run", { ...REQUEST, steps: 1 })).toMatchObject({ events: expect.arrayContaining(["result"]) });
    expect(server.asked.slice(asked).filter((path) => path.startsWith("/models/"))).toEqual([]);
    await ask("dispose");
  }, 60_000);

  test("files that are cut off are refused", async () => {
    await browser.page.setInputFiles("#folder", FOLDER);
    expect((await browser.ask("openTruncated", 4)).error).toMatch(/^Cannot read ".*safetensors"/);
    expect((await browser.ask("openTruncated", 200_000)).error).toMatch(
      /^Cannot read tensor ".*" of "fluent-scenes\/unet\/diffusion_pytorch_model.safetensors": its data_offsets .* leave/,
    );
  });

  test("a model that is not there, a device that there is not, and an unknown option are said", async () => {
    const { ask } = browser;
    expect((await ask("open", "/models/none", {})).error).toContain(
      '/models/none": the server has no file there under a name that models have',
    );
    expect((await ask("open", "/models/none.safetensors", {})).error).toContain("there is no such file");
    expect((await ask("open", MODEL, { device: "cuda" })).error).toContain(
      'Cannot run on device "cuda": in a browser, one of auto, webgpu, wasm is required',
    );
    expect((await ask("open", MODEL, { precision: "int8" })).error).toBe(
      'Cannot use the option "precision" in a browser: it is for Node',
    );
    expect((await ask("open", MODEL, { device: "webgpu" })).error).toMatch(/^Cannot run on device "webgpu": /);
    expect(await ask("support")).toMatchObject({ webgpu: false, threads: 1, reason: expect.any(String) });
  });
});

describe.skipIf(CHROMIUM === undefined)("a worker that fails", () => {
  test("ends what runs in it with one sentence, and the next run has another", async () => {
    await using browser = await openPage({ folders: { "/tiny/model": TINY } });
    const { ask, page } = browser;
    const request = { ...REQUEST, steps: 3, sampler: "ddim" } as const;
    await page.route("**/run-worker.js", (route) => route.fulfill({ status: 404 }), { times: 1 });
    await ask("open", "/tiny/model", { device: "wasm" });
    expect((await ask("run", request)).error).toBe(
      'Cannot run the model in a worker of its own: its script cannot be loaded; thread: "caller" runs it in the page',
    );
    expect((await ask("run", { ...request, steps: 900 }, { failAfter: 1 })).error).toBe(
      'Cannot run the model in a worker of its own: Uncaught Error: something broke; thread: "caller" runs it in the page',
    );
    expect((await ask("run", request)).events.at(-1)).toBe("result");
  }, 60_000);
});

describe.skipIf(CHROMIUM === undefined)("in a browser without JSPI", () => {
  test("the CPU runs on the smallest program, in the page where that is asked for", async () => {
    await using browser = await openPage();
    const { ask, page, server } = browser;
    await page.evaluate("delete WebAssembly.Suspending");
    expect(await ask("support")).toMatchObject({ jspi: false });
    await ask("open", MODEL, { device: "wasm", thread: "caller" });
    expect(await ask("run", { ...REQUEST, steps: 1 })).toMatchObject({ events: expect.arrayContaining(["result"]) });
    expect(server.asked.filter((path) => path.endsWith(".wasm"))).toEqual(["/ort-wasm-simd-threaded.wasm"]);
    expect(server.asked).not.toContain("/run-worker.js");
  }, 60_000);
});

describe.skipIf(CHROMIUM === undefined)("in an isolated page", () => {
  test("the CPU has several threads", async () => {
    await using browser = await openPage({ isolated: true });
    const { ask } = browser;
    await ask("open", MODEL, { device: "wasm", threads: 2 });
    await using node = await pipeline("text-to-image");
    const { prompt, ...options } = { ...REQUEST, steps: 2 };
    const { latents } = await node(prompt, options);
    const outcome = await ask("run", { ...REQUEST, steps: 2 });
    expect(outcome.error).toBeUndefined();
    expect(furthest(latents.data, outcome.latents)).toBeLessThan(WASM_LATENTS);
    expect(await browser.page.evaluate("crossOriginIsolated")).toBe(true);
  }, 120_000);
});

describe.skipIf(CHROMIUM === undefined)("in a browser, on WebGPU", () => {
  test("what runs often is recorded once and played again, with the same results, also once it was released", async () => {
    await using browser = await openPage({ webgpu: true });
    const rows = await browser.ask("repeat", false, [1, 2, -3]);
    expect(rows).toEqual([
      [4, 16, 4, 2],
      [16, 64, 4, 4],
      [36, 144, 4, -6],
    ]);
    const [, ...played] = [
      await browser.ask("repeat", true, [5]),
      await browser.ask("repeat", true, [1, 2, -3]),
    ].flat();
    expect(played.map(([y, fed, , kept]) => [y, fed, kept])).toEqual(rows.map(([y, fed, , kept]) => [y, fed, kept]));
    expect(played.slice(1).map(([, , bound]) => bound)).toEqual([0, 0]);
  }, 120_000);

  test("sessions that run, are stopped and are released leave nothing in its memory that the next do not use", async () => {
    await using browser = await openPage({ webgpu: true });
    const [, ...left] = await browser.ask("leftOnGpu", false, 4);
    expect(new Set(left).size).toBe(1);
    // Of a session whose commands were recorded, ONNX Runtime keeps the last result: a megabyte here.
    const [, second = 0, third = 0] = await browser.ask("leftOnGpu", true, 3);
    expect(third - second).toBeLessThanOrEqual(2 ** 20);
  }, 120_000);

  // SwiftShader takes a minute to compile a U-Net of the embedded model's size, twice.
  const models = [
    { name: "a tiny model", place: "/tiny/model", folder: TINY, given: { guidanceScale: 1 }, loseAfter: 0 },
    { name: "the embedded model", place: MODEL, folder: FOLDER, given: {}, loseAfter: 1 },
  ];
  test.each(SLOW ? models : models.slice(0, 1))(
    "a run of $name makes the latents of Node, and begins again once the GPU is lost",
    async ({ place, folder, given, loseAfter }) => {
      await using browser = await openPage({ webgpu: true, folders: { "/tiny/model": TINY } });
      const { ask } = browser;
      const request = { ...REQUEST, ...given, steps: 2, sampler: "ddim", cache: 2 } as const;
      await using node = await pipeline("text-to-image", folder);
      const { prompt, ...options } = request;
      const { latents } = await node(prompt, options);

      expect((await ask("open", place, { device: "webgpu" })).error).toBeUndefined();
      const outcome = await ask("run", request, { loseAfter });
      expect(outcome.error).toBeUndefined();
      expect(outcome.warnings).toEqual(["The browser lost the GPU while it was in use: the run has begun again."]);
      expect(furthest(latents.data, outcome.latents)).toBeLessThan(SWIFTSHADER_LATENTS);
    },
    300_000,
  );
});
