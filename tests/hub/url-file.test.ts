import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type HubEffects, realEffects } from "../../src/hub/effects.ts";
import type { Hub } from "../../src/hub/hub.ts";
import { urlFile } from "../../src/hub/repo/url-file.ts";
import { openHub } from "../../src/hub/stores/node/open-hub.ts";
import { someBytes, type TestHub, testHub } from "./test-hub.ts";

const BYTES = someBytes(200_000, 3);
let folder: string;
let server: TestHub;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "deepcache-url-"));
  server = await testHub({});
  server.cache = folder;
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const open = async (effects: Partial<HubEffects> = {}, variables: Record<string, string> = {}): Promise<Hub> =>
  await openHub(
    { cacheFolder: folder, token: "of the hub" },
    {
      environment: { variables, homeFolder: folder, readText: async () => undefined },
      effects: { ...realEffects, sleep: async () => {}, ...effects },
    },
  );

/** Downloads what is at an address, and says whether it is whole. */
async function pull(url: string, expected = BYTES): Promise<"whole" | "broken"> {
  const { files, path } = await urlFile(new URL(url), await open()).download();
  const source = await files.open(path);
  return Buffer.compare(await source.read(0, source.size), expected) === 0 ? "whole" : "broken";
}

test("A file at an address is kept as a repository of one file, and found again", async () => {
  const url = server.put("style.safetensors", BYTES);
  expect(await pull(url)).toBe("whole");
  const [repo = ""] = readdirSync(folder).filter((name) => name.startsWith("models--"));
  expect(repo).toMatch(/^models--localhost-\d+--style\.safetensors-[0-9a-f]{8}$/);
  const commit = readFileSync(join(folder, repo, "refs", "main"), "utf8");
  expect(readdirSync(join(folder, repo, "snapshots", commit))).toEqual(["style.safetensors"]);
  const cached = await urlFile(new URL(url), await open()).cached();
  expect(cached).toMatchObject({ path: "style.safetensors" });
  expect((await cached?.files.open("style.safetensors"))?.path).toContain(join(repo, "blobs"));
  expect(await urlFile(new URL(`${url}?version=2`), await open()).cached()).toBeUndefined();
});

test("It goes on where it was cut off", async () => {
  const url = server.put("a.safetensors", BYTES);
  server.faults.push({ kind: "drop", after: 50_000 }, { kind: "drop", after: 50_000 });
  expect(await pull(url)).toBe("whole");
  expect(server.seen.map(({ range }) => range)).toEqual([undefined, "bytes=50000-", "bytes=100000-"]);
});

test("One that changes between two parts is begun again, and is of one piece", async () => {
  const url = server.put("a.safetensors", BYTES);
  const other = someBytes(180_000, 4);
  server.faults.push({ kind: "change", to: other, after: 50_000 });
  expect(await pull(url, other)).toBe("whole");
  expect(server.seen.map(({ range }) => range)).toEqual([undefined, "bytes=50000-"]);
});

test("No key of any other host is sent", async () => {
  await pull(server.put("a.safetensors", BYTES));
  expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
});

const CIVITAI = "https://civitai.com/api/download/models/1?type=Model&format=SafeTensor";

/** A fetch that answers as Civitai does: it leads to another host, which names the file. */
function civitai(answer: (url: URL) => Response | undefined = () => undefined) {
  const asked: [string, string | null][] = [];
  const fetch: HubEffects["fetch"] = async (url, init) => {
    asked.push([url.hostname, new Headers(init.headers).get("authorization")]);
    const own = answer(url);
    if (own !== undefined) return own;
    if (url.hostname === "civitai.com") {
      return new Response(null, { status: 307, headers: { location: "https://storage.example/x?X-Amz-Signature=1" } });
    }
    return new Response(new Uint8Array(BYTES), {
      headers: {
        "content-disposition": 'attachment; filename="dream.safetensors"',
        "content-length": `${BYTES.length}`,
      },
    });
  };
  return { asked, fetch };
}

test("Civitai is sent its key alone, and its file has its own name", async () => {
  const { asked, fetch } = civitai();
  const hub = await open({ fetch }, { CIVITAI_API_TOKEN: "of civitai" });
  const { path } = await urlFile(new URL(CIVITAI), hub).download();
  expect(path).toBe("dream.safetensors");
  expect(asked).toEqual([
    ["civitai.com", "Bearer of civitai"],
    ["storage.example", null],
  ]);
  const [repo = ""] = readdirSync(folder).filter((name) => name.startsWith("models--"));
  const [commit = ""] = readdirSync(join(folder, repo, "snapshots"));
  expect(readdirSync(join(folder, repo, "snapshots", commit))).toEqual(["dream.safetensors"]);
});

test("A key within an address tells no files apart, and is not written anywhere", async () => {
  const { fetch } = civitai();
  const hub = await open({ fetch });
  await urlFile(new URL(`${CIVITAI}&token=secret`), hub).download();
  expect(await urlFile(new URL(CIVITAI), hub).cached()).toBeDefined();
  expect(readdirSync(folder, { recursive: true, encoding: "utf8" }).join()).not.toContain("secret");
});

test.each<[string, () => Response, string, string]>([
  [
    "401",
    () => new Response("no", { status: 401 }),
    "ACCESS_DENIED",
    "civitai.com denies it (401); give a key of your account, by CIVITAI_API_TOKEN",
  ],
  ["404", () => new Response("no", { status: 404 }), "MODEL_NOT_FOUND", "there is none of this name"],
  [
    "a page",
    () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    "DOWNLOAD_FAILED",
    "a page is there, not a file",
  ],
])("%s is refused in one sentence, without the key", async (_, answer, code, message) => {
  const hub = await open({ fetch: civitai(answer).fetch });
  const error = await urlFile(new URL(`${CIVITAI}&token=secret`), hub)
    .download()
    .catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(String(error)).not.toContain("secret");
});

test("A file that the disk has no room for is not begun", async () => {
  const hub = await open({ fetch: civitai().fetch });
  const small: Hub = { ...hub, store: { ...hub.store, freeBytes: async () => 1000 } };
  await expect(urlFile(new URL(CIVITAI), small).download()).rejects.toThrow("200 kB are missing");
});

test("Whoever waited for another to download a file has it, too", async () => {
  const url = new URL(server.put("a.safetensors", BYTES));
  const hub = await open();
  const [one, two] = await Promise.all([urlFile(url, hub).download(), urlFile(url, hub).download()]);
  expect(one.path).toBe(two.path);
  expect(server.seen).toHaveLength(1);
});
