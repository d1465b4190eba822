import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { folderRepo } from "../hub/folder-repo.ts";
import { someBytes, type TestHub, type TestRepo, testHub } from "../hub/test-hub.ts";
import { type BrowserPage, openPage } from "../support/browser/browser-page.ts";
import { CHROMIUM } from "../support/browser/chromium.ts";
import { fixturePath } from "../support/fixtures.ts";

const FILES = folderRepo(fixturePath("pipelines/sd15/model"));
/** Runs the page's model with a LoRA that is a file in the page's hands. */
async function runWithFile({ strength, ...request }: { readonly strength: number }): Promise<unknown> {
  const { tested } = globalThis as unknown as { tested: { run(request: object): Promise<{ latents: unknown }> } };
  const bytes = await (await fetch("/adapters/kohya.safetensors")).blob();
  const path = new File([bytes], "kohya.safetensors");
  return (await tested.run({ ...request, loras: { path, strength } })).latents;
}

const REQUEST = { prompt: "a fox", seed: 3, steps: 2, sampler: "ddim", cache: 2 } as const;

describe.skipIf(CHROMIUM === undefined)("a model of the hub, in a browser", () => {
  let browser: BrowserPage;
  let hub: TestHub;
  const repos: Record<string, TestRepo> = {};
  beforeAll(async () => {
    [browser, hub] = await Promise.all([
      openPage({ folders: { "/adapters": fixturePath("adapters/sd15") } }),
      testHub(repos),
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await hub?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    hub.seen.length = 0;
    hub.faults.length = 0;
  });

  /** A repository of its own for each test, since what was downloaded stays. */
  const published = (id: string, repo: Partial<TestRepo> = {}): string => {
    repos[id] = { files: FILES, ...repo };
    return id;
  };
  const open = (id: string, options: object = {}) =>
    browser.ask("open", id, { device: "wasm", hub: { endpoint: hub.endpoint, ...options } });
  const rangesOfWeights = (): readonly (string | undefined)[] =>
    hub.seen.filter(({ host }) => host.startsWith("localhost")).map(({ range }) => range);

  test("is downloaded into the page's own files, runs in a worker, and is there the next time without a network", async () => {
    const id = published("org/tiny");
    expect(await open(id)).toEqual({ events: [], name: "tiny" });
    const made = await browser.ask("run", REQUEST);
    expect(made.error).toBeUndefined();
    hub.seen.length = 0;
    expect(await open(id)).toEqual({ events: [], name: "tiny" });
    expect(hub.seen).toEqual([]);
    expect(await open(id, { offline: true })).toEqual({ events: [], name: "tiny" });
    expect((await browser.ask("run", REQUEST)).latents).toEqual(made.latents);
    expect(hub.seen).toEqual([]);
    const bytes = Object.values(FILES).reduce((sum, { length }) => sum + length, 0);
    const [kept] = (await browser.ask("stored")).filter((model) => model.id === id);
    expect(kept).toMatchObject({ id, incomplete: 0 });
    expect(kept?.size).toBeLessThanOrEqual(bytes);
    await browser.ask("removeStored", id);
    expect((await open(id, { offline: true })).error).toContain(
      'Cannot find all of "org/tiny" in the cache "the browser\'s own files", and the option hub: { offline: true } forbids asking for it' +
        "; nor has this page's server such a file or folder",
    );
  }, 60_000);

  test("goes on at its byte after the page was loaded anew in mid-download", async () => {
    const id = published("org/slow");
    hub.faults.push(...Array.from({ length: 8 }, () => ({ kind: "stall" }) as const));
    const opening = open(id).catch(() => undefined);
    await expect
      .poll(async () => (await browser.ask("stored")).find((model) => model.id === id)?.incomplete ?? 0, {
        timeout: 20_000,
      })
      .toBeGreaterThan(100_000);
    await browser.reload();
    await opening;
    hub.faults.length = 0;
    hub.seen.length = 0;
    expect(await open(id)).toEqual({ events: [], name: "slow" });
    expect(rangesOfWeights().filter((range) => range !== undefined && range !== "bytes=0-").length).toBeGreaterThan(0);
    expect((await browser.ask("run", REQUEST)).error).toBeUndefined();
  }, 60_000);

  test.each([
    ["cuts the connection", "cut", [{ kind: "drop", after: 20_000 }]],
    ["sends other bytes than it promised", "liar", [{ kind: "corrupt" }]],
    ["says too small a length", "short", [{ kind: "length", says: 1000 }]],
    ["says too large a length", "long", [{ kind: "length", says: 10_000_000 }]],
    [
      "sends another part than it was asked for",
      "shifted",
      [
        { kind: "drop", after: 20_000 },
        { kind: "shifted", by: 500 },
      ],
    ],
  ] as const)(
    "is whole in the end where the server %s",
    async (_, name, faults) => {
      const id = published(`org/${name}`);
      hub.faults.push(...faults);
      expect(await open(id)).toEqual({ events: [], name });
      expect((await browser.ask("stored")).find((model) => model.id === id)?.incomplete).toBe(0);
    },
    60_000,
  );

  test("that changes between two parts of a file is refused, and nothing of it stays", async () => {
    const files = { "model.safetensors": someBytes(300_000) };
    const id = published("org/changing", { files });
    hub.faults.push({ kind: "change", to: someBytes(300_000, 2), after: 100_000 });
    expect((await open(`${id}/model.safetensors`)).error).toMatch(
      /^Cannot download "model\.safetensors" of "org\/changing.*": its digest is [0-9a-f]{64}, [0-9a-f]{64} is required/,
    );
    expect(rangesOfWeights().length).toBeGreaterThan(1);
    expect((await browser.ask("stored")).filter((model) => model.id === id && model.size > 0)).toEqual([]);
  }, 60_000);

  test("whose list gives neither sizes nor digests, as those of mirrors, is downloaded nevertheless", async () => {
    expect(await open(published("org/bare", { bare: true }))).toEqual({ events: [], name: "bare" });
  }, 60_000);

  test("that is not there, or gated, is said in one sentence, with what to do", async () => {
    const { error } = await open("org/none");
    expect(error).toMatch(
      /^Cannot find "org\/none" on 127\.0\.0\.1:\d+ \(401\): there is none of this name, or it is private; then give a token, as the option hub: \{ token \}; nor has this page's server such a file or folder/,
    );
    const gated = published("org/gated", { gated: true, token: "secret" });
    expect((await open(gated)).error).toMatch(
      /^Cannot download "org\/gated": it is gated \(403\); accept its terms at .*, and give a token, as the option hub: \{ token \}$/,
    );
    expect(await open(gated, { token: "secret" })).toEqual({ events: [], name: "gated" });
    hub.faults.push({ kind: "status", status: 404 });
    expect((await open(published("org/torn"))).error).toMatch(/^Cannot find ".*" of "org\/torn" on 127.* \(404\)/);
  }, 60_000);

  test("is read where it lies where it is not to be kept, also with a token, and leaves nothing behind", async () => {
    const id = published("org/passing", { gated: true, token: "secret" });
    expect((await open(id, { keep: false })).error).toContain("it is gated (403)");
    expect(await open(id, { keep: false, token: "secret" })).toEqual({ events: [], name: "passing" });
    const made = await browser.ask("run", REQUEST);
    expect(made.error).toBeUndefined();
    const isStored = async () => (await browser.ask("stored")).some((model) => model.id === id);
    expect(await isStored()).toBe(false);
    expect(hub.seen.filter(({ host, authorization }) => host.startsWith("localhost") && authorization)).toEqual([]);
    hub.seen.length = 0;
    expect(await open(id, { token: "secret" })).toEqual({ events: [], name: "passing" });
    expect((await browser.ask("run", REQUEST)).latents).toEqual(made.latents);
    expect(await isStored()).toBe(true);
    hub.seen.length = 0;
    expect(await open(id, { keep: false, token: "secret" })).toEqual({ events: [], name: "passing" });
    expect(hub.seen).toEqual([]); // what is kept is taken
  }, 60_000);

  test("is changed by LoRAs and embeddings by their ids, which are kept, by their URLs, and by files", async () => {
    const file = (name: string) => new Uint8Array(readFileSync(fixturePath(`adapters/sd15/${name}`)));
    const lora = published("org/style", { files: { "pytorch_lora_weights.safetensors": file("kohya.safetensors") } });
    const word = published("org/word", { files: { "learned_embeds.safetensors": file("learned_embeds.safetensors") } });
    await open(published("org/plain"));
    const latents = async (options: object) => {
      const { error, latents } = await browser.ask("run", { ...REQUEST, ...options });
      expect(error).toBeUndefined();
      return latents;
    };
    const changed = await latents({ loras: `${lora}:0.5` });
    expect(changed).not.toEqual(await latents({}));
    hub.seen.length = 0;
    expect(await latents({ loras: { path: lora, strength: 0.5 } })).toEqual(changed);
    expect(hub.seen).toEqual([]);
    expect(await latents({ loras: "adapters/kohya.safetensors:0.5" })).toEqual(changed);
    expect(await browser.page.evaluate(runWithFile, { ...REQUEST, strength: 0.5 })).toEqual(changed);
    expect(await latents({ prompt: "a myword fox", embeddings: { myword: word } })).not.toEqual(
      await latents({ prompt: "a myword fox" }),
    );
    expect((await browser.ask("run", { ...REQUEST, loras: "org/nowhere" })).error).toMatch(
      /^Cannot find "org\/nowhere" on 127/,
    );
  }, 60_000);

  test("for which there is no room is not begun", async () => {
    await browser.page.evaluate("navigator.storage.estimate = async () => ({ quota: 9_000_000, usage: 8_600_000 })");
    expect((await open(published("org/large"))).error).toMatch(
      /^Cannot download "org\/large": .* are missing and "the browser's own files" has 400 kB free; a visitor can give/,
    );
    expect(hub.seen.some(({ host }) => host.startsWith("localhost"))).toBe(false);
    await browser.reload();
  }, 60_000);

  test("that fills up all the room there is says so, and goes on once there is more", async () => {
    const { origin } = new URL(browser.server.url);
    const devtools = await browser.page.context().newCDPSession(browser.page);
    const id = published("org/full");
    await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 });
    expect((await open(id)).error).toMatch(
      /^Cannot write "deepcache\/hub\/models--org--full\/.*": the browser gives this page no more room; what has come is kept/,
    );
    await devtools.send("Storage.overrideQuotaForOrigin", { origin });
    expect(await open(id)).toEqual({ events: [], name: "full" });
  }, 60_000);

  test("gives way to a folder of the page's own server, whose URL may look like a name", async () => {
    expect(await open("models/fluent-scenes")).toEqual({ events: [], name: "fluent-scenes" });
    expect(hub.seen).toEqual([]);
    expect((await open("hf:models/fluent-scenes")).error).toMatch(/^Cannot find "models\/fluent-scenes" on 127/);
    expect((await open("org/x", { cacheFolder: "/tmp" })).error).toBe(
      'Cannot keep models in "/tmp": a browser keeps them in its own files; leave cacheFolder out of hub',
    );
  }, 60_000);
});
