import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type HubEffects, realEffects } from "../../src/hub/effects.ts";
import type { Hub } from "../../src/hub/hub.ts";
import type { HubOptions } from "../../src/hub/hub-options.ts";
import type { RepoReference } from "../../src/hub/reference.ts";
import { repository } from "../../src/hub/repo/repository.ts";
import { openHub } from "../../src/hub/stores/node/open-hub.ts";
import { type Fault, someBytes, type TestHub, testHub } from "./test-hub.ts";

const WEIGHTS = someBytes(300_000);
const ID = "org/model";
const REFERENCE: RepoReference = { kind: "repo", id: ID, revision: "main", path: undefined };

let folder: string;
let server: TestHub;
const waits: number[] = [];
/** Waits are noted and not waited. */
const effects: HubEffects = { ...realEffects, sleep: async (milliseconds) => void waits.push(milliseconds) };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "deepcache-hub-"));
  server = await testHub({ [ID]: { files: { "config.json": "{}", "unet/model.safetensors": WEIGHTS } } });
  server.cache = folder;
  waits.length = 0;
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const open = async (options: HubOptions = {}, variables: Record<string, string> = {}): Promise<Hub> =>
  await openHub(
    { endpoint: server.endpoint, cacheFolder: folder, ...options },
    { environment: { variables, homeFolder: folder, readText: async () => undefined }, effects },
  );

/** Downloads the model and says whether its weights are whole. */
async function pull(options: HubOptions = {}, variables: Record<string, string> = {}): Promise<"whole" | "broken"> {
  const remote = await repository(REFERENCE, await open(options, variables)).remote();
  const files = await remote.download(["config.json", "unet/model.safetensors"]);
  const source = await files.open("unet/model.safetensors");
  return Buffer.compare(await source.read(0, source.size), WEIGHTS) === 0 ? "whole" : "broken";
}

const repo = (...path: readonly string[]): string => join(folder, "models--org--model", ...path);
const ranges = (): readonly (string | undefined)[] =>
  server.seen.filter(({ host }) => host.startsWith("localhost")).map(({ range }) => range);

test("A model comes into Hugging Face's layout, and is whole", async () => {
  expect(await pull()).toBe("whole");
  const commit = server.commitOf(ID);
  expect(readFileSync(repo("refs", "main"), "utf8")).toBe(commit);
  expect(readFileSync(repo("snapshots", commit, "config.json"), "utf8")).toBe("{}");
  expect(readdirSync(repo("blobs")).map((name) => name.length)).toEqual(expect.arrayContaining([40, 64]));
  expect(readdirSync(repo("blobs"))).toHaveLength(2);
  expect(readdirSync(join(folder, ".locks", "models--org--model"))).toEqual([]);
});

test("What is there is not asked for again", async () => {
  await pull();
  server.seen.length = 0;
  await pull();
  expect(server.seen.map(({ path }) => path)).toEqual([`/api/models/${ID}/revision/main?blobs=true`]);
});

describe("A download is whole in the end where", () => {
  test.each<[string, readonly Fault[], readonly (string | undefined)[]]>([
    ["the connection drops", [{ kind: "drop", after: 100_000 }], [undefined, "bytes=100000-"]],
    [
      "it drops again and again",
      Array.from({ length: 9 }, () => ({ kind: "drop", after: 30_000 }) as const),
      [undefined, ...Array.from({ length: 9 }, (_, i) => `bytes=${30_000 * (i + 1)}-`)],
    ],
    ["the server says too large a length", [{ kind: "length", says: 400_000 }], [undefined]],
    ["the server says too small a length", [{ kind: "length", says: 1000 }], [undefined, "bytes=1000-"]],
    [
      "the server sends the whole instead of the rest",
      [{ kind: "drop", after: 100_000 }, { kind: "whole" }],
      [undefined, "bytes=100000-"],
    ],
    [
      "the server sends another part than it was asked for",
      [
        { kind: "drop", after: 100_000 },
        { kind: "shifted", by: -5 },
      ],
      [undefined, "bytes=100000-", undefined],
    ],
    ["bytes are wrong once", [{ kind: "corrupt" }], [undefined, undefined]],
    [
      "the rest cannot be had",
      [
        { kind: "drop", after: 100_000 },
        { kind: "status", status: 416 },
      ],
      [undefined, "bytes=100000-", undefined],
    ],
    [
      "the server is out for a while",
      [
        { kind: "status", status: 503 },
        { kind: "status", status: 502 },
        { kind: "status", status: 429, headers: { "retry-after": "7" } },
      ],
      [undefined, undefined, undefined, undefined],
    ],
  ])("%s", async (_, faults, asked) => {
    server.faults.push(...faults);
    expect(await pull()).toBe("whole");
    expect(ranges()).toEqual(asked);
    expect(readdirSync(repo("blobs"))).toHaveLength(2);
  });

  test("nothing comes for a while", async () => {
    server.faults.push({ kind: "stall" });
    expect(await pull({}, { HF_HUB_DOWNLOAD_TIMEOUT: "0.5" })).toBe("whole");
    expect(ranges()).toEqual([undefined, "bytes=150000-"]);
  });
});

test("A server that asks to wait is waited for, and others longer every time", async () => {
  server.faults.push({ kind: "status", status: 429, headers: { "retry-after": "7" } });
  server.faults.push({ kind: "status", status: 503 }, { kind: "status", status: 503 });
  await pull();
  expect(waits).toEqual([7000, 1000, 2000]);
});

describe("A file that is never what was promised is refused, and nothing of it stays:", () => {
  test.each<[string, Fault]>([
    ["wrong bytes", { kind: "corrupt" }],
    ["another file under the same address", { kind: "change", to: someBytes(300_000, 2), after: 1000 }],
  ])("%s", async (_, fault) => {
    server.faults.push(...Array.from({ length: 5 }, () => fault));
    await expect(pull()).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(
        /Cannot download "unet\/model.safetensors" of "org\/model": its digest is [0-9a-f]{64}/,
      ),
    });
    expect(readdirSync(repo("blobs")).filter((name) => name.length >= 64)).toEqual([]);
    expect(readdirSync(folder)).not.toContain("snapshots");
  });
});

describe("One sentence says what a status means and what to do:", () => {
  const failing = async (options: HubOptions = {}): Promise<unknown> =>
    await pull(options).catch((error: unknown) => error);

  test("403 of a gated model", async () => {
    server.repos[ID] = { files: {}, token: "secret", gated: true };
    const page = `${server.endpoint}/${ID}`;
    expect(await failing()).toMatchObject({
      code: "ACCESS_DENIED",
      message: `Cannot download "org/model": it is gated (403); accept its terms at ${page}, and give a token, by HF_TOKEN or hf auth login`,
    });
    expect(await failing({ token: "other" })).toMatchObject({
      message: `Cannot download "org/model": it is gated (403); accept its terms at ${page}, with the account of your token`,
    });
  });

  test("401 of a model that is not there, or private", async () => {
    delete server.repos[ID];
    expect(await failing()).toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("there is none of this name, or it is private; then give a token, by HF_TOKEN"),
    });
  });

  test("404 of a revision", async () => {
    const reference = { ...REFERENCE, revision: "v9" };
    await expect(repository(reference, await open()).remote()).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining('Cannot find revision "v9" of "org/model" (404)'),
    });
  });

  test.each([
    [503, "DOWNLOAD_FAILED", "is not available (503); what has come is kept for the next time"],
    [429, "DOWNLOAD_FAILED", "has had too many requests (429)"],
    [403, "ACCESS_DENIED", "denies it (403); give a token, by HF_TOKEN or hf auth login"],
    [404, "MODEL_NOT_FOUND", 'Cannot find "unet/model.safetensors" of "org/model" on'],
    [418, "DOWNLOAD_FAILED", "answers in a way that is of no use (418)"],
  ])("%s of a file", async (status, code, message) => {
    server.faults.push(...Array.from({ length: 6 }, () => ({ kind: "status", status }) as const));
    expect(await failing()).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test("a host that nobody answers for", async () => {
    const { endpoint, ...gone } = await testHub({});
    await gone[Symbol.asyncDispose]();
    await expect(pull({ endpoint })).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(/^Cannot reach 127\.0\.0\.1:\d+ for "org\/model": nobody answers there$/),
    });
  });
});

test("A token goes to the hub, and not to the host that it leads to", async () => {
  server.repos[ID] = { files: server.repos[ID]?.files ?? {}, token: "secret" };
  expect(await pull({ token: "secret" })).toBe("whole");
  const tokens = (host: string) =>
    server.seen.filter((seen) => seen.host.startsWith(host)).map((seen) => seen.authorization);
  expect(new Set(tokens("127.0.0.1"))).toEqual(new Set(["Bearer secret"]));
  expect(tokens("localhost")).toEqual([undefined]);
});

test("A mirror that lists names alone is asked for sizes and digests", async () => {
  server.repos[ID] = { files: server.repos[ID]?.files ?? {}, bare: true };
  expect(await pull()).toBe("whole");
  expect(server.seen.filter(({ method }) => method === "HEAD")).toHaveLength(2);
});

test("Nothing is begun where the disk has no room for all of it", async () => {
  const hub = await open();
  const small: Hub = { ...hub, store: { ...hub.store, freeBytes: async () => 1000 } };
  const remote = await repository(REFERENCE, small).remote();
  await expect(remote.download(["config.json", "unet/model.safetensors"])).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
    message: expect.stringContaining(`301 kB are missing and "${folder}" has 1 kB free`),
  });
  expect(readdirSync(folder)).toEqual([]);
});

test("An abort ends a download at once, and what has come is gone on from", async () => {
  await server[Symbol.asyncDispose]();
  server = await testHub({ [ID]: { files: { "config.json": "{}", "unet/model.safetensors": WEIGHTS } } }, 20);
  const controller = new AbortController();
  const reason = new Error("enough");
  const onProgress: HubOptions["onProgress"] = ({ file, fileLoaded }) => {
    if (file.startsWith("unet") && fileLoaded > 50_000) controller.abort(reason);
  };
  await expect(pull({ signal: controller.signal, onProgress })).rejects.toBe(reason);
  const [partial = ""] = readdirSync(repo("blobs")).filter((name) => name.endsWith(".deepcache.incomplete"));
  const there = readFileSync(repo("blobs", partial));
  expect(there.length).toBeGreaterThan(50_000);
  expect(Buffer.compare(WEIGHTS.subarray(0, there.length), there)).toBe(0);
  server.seen.length = 0;
  expect(await pull()).toBe("whole");
  expect(ranges()).toEqual([`bytes=${there.length}-`]);
});

test("What another program left under our name is found out by its digest", async () => {
  await pull();
  const [blob = ""] = readdirSync(repo("blobs")).filter((name) => name.length === 64);
  rmSync(repo("blobs", blob));
  writeFileSync(repo("blobs", `${blob}.deepcache.incomplete`), someBytes(5000, 7));
  expect(await pull()).toBe("whole");
});

test("Progress tells bytes, rate and time of all files, and ends at all of them", async () => {
  const told: { loaded: number; total: number | undefined; rate: number }[] = [];
  await pull({ onProgress: ({ loaded, total, rate }) => told.push({ loaded, total, rate }) });
  expect(told.at(-1)).toMatchObject({ loaded: 300_002, total: 300_002 });
  expect(told.every(({ rate }) => rate >= 0)).toBe(true);
});

test("A download that comes to nothing leaves no folder behind", async () => {
  server.faults.push({ kind: "status", status: 404 });
  const remote = await repository(REFERENCE, await open()).remote();
  await expect(remote.download(["unet/model.safetensors"])).rejects.toThrow("Cannot find");
  expect(readdirSync(folder).filter((name) => name.startsWith("models--"))).toEqual([]);
});
