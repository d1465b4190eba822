import { expect, test } from "vitest";
import { lengthOf } from "../../src/hub/download/content-range.ts";
import { realEffects } from "../../src/hub/effects.ts";
import type { Hub } from "../../src/hub/hub.ts";
import { completed } from "../../src/hub/repo/completed.ts";
import { type ListedFile, listRepo } from "../../src/hub/repo/listing.ts";
import { openHub } from "../../src/hub/stores/node/open-hub.ts";

const REFERENCE = { kind: "repo", id: "org/model", revision: "refs/pr/1", path: undefined } as const;
const SHA = "a".repeat(40);
const DIGEST = "b".repeat(64);

/** A hub that answers everything by one text. */
async function saying(text: string, asked: string[] = []): Promise<Hub> {
  const fetch = async (url: URL): Promise<Response> => {
    asked.push(url.href);
    return new Response(text);
  };
  return await openHub(
    { endpoint: "https://hub.example/mirror" },
    {
      environment: { variables: {}, homeFolder: "/nowhere", readText: async () => undefined },
      effects: { ...realEffects, fetch, sleep: async () => {} },
    },
  );
}

test("one request tells the commit, and of every file its size and digest", async () => {
  const asked: string[] = [];
  const siblings = [
    {
      rfilename: "unet/a.safetensors",
      size: 10,
      blobId: SHA,
      lfs: { sha256: DIGEST, size: 3_000_000_000, pointerSize: 130 },
    },
    { rfilename: "config.json", size: 10, blobId: SHA },
    { rfilename: "bare.txt" },
  ];
  const { commit, files } = await listRepo(REFERENCE, await saying(JSON.stringify({ sha: SHA, siblings }), asked));
  expect(commit).toBe(SHA);
  expect([...files.values()]).toEqual([
    { path: "unet/a.safetensors", size: 3_000_000_000, checksum: { kind: "sha256", value: DIGEST } },
    { path: "config.json", size: 10, checksum: { kind: "git", value: SHA } },
    { path: "bare.txt", size: undefined, checksum: undefined },
  ]);
  expect(asked).toEqual(["https://hub.example/mirror/api/models/org/model/revision/refs%2Fpr%2F1?blobs=true"]);
});

test("files whose paths could leave the cache are none, and digests that are none are not believed", async () => {
  const paths = ["../a", "/etc/passwd", "a/../../b", "a\\b", "", "a//b", "a\ud800", 7];
  const strange = { rfilename: "ok.json", size: -1, blobId: "../../x" };
  const siblings = [...paths.map((rfilename) => ({ rfilename, size: 1 })), null, strange];
  const { files } = await listRepo(REFERENCE, await saying(JSON.stringify({ sha: SHA, siblings })));
  expect([...files.values()]).toEqual([{ path: "ok.json", size: undefined, checksum: undefined }]);
});

test.each([
  ["<html>", "it is not JSON"],
  ["[]", "it is not an object"],
  [JSON.stringify({ sha: "../..", siblings: [] }), 'its commit is "../.."'],
  [JSON.stringify({ sha: SHA }), "it lists no files"],
])("%s is no list", async (text, message) => {
  await expect(listRepo(REFERENCE, await saying(text))).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
    message: expect.stringContaining(`Cannot read what hub.example says of "org/model": ${message}`),
  });
});

const BARE: ListedFile = { path: "a.safetensors", size: undefined, checksum: undefined };

test("what neither list nor headers say of a file, the tree of its commit says", async () => {
  const tree = [
    { type: "directory", path: "unet", oid: SHA, size: 0 },
    { type: "file", path: "a.safetensors", oid: SHA, size: 130, lfs: { oid: DIGEST, size: 300, pointerSize: 130 } },
  ];
  const asked: string[] = [];
  const found = await completed([BARE], REFERENCE, SHA, await saying(JSON.stringify(tree), asked));
  expect(found).toEqual([{ path: "a.safetensors", size: 300, checksum: { kind: "sha256", value: DIGEST } }]);
  expect(asked.at(-1)).toBe(`https://hub.example/mirror/api/models/org/model/tree/${SHA}?recursive=true`);
  expect(asked).toHaveLength(2);
});

test.each([
  ["[]", 'Cannot download "a.safetensors" of "org/model": hub.example does not say by which digest it is known'],
  ["{}", 'Cannot read what hub.example says of "org/model": its tree is not a list'],
])("a tree that says %s is of no help", async (text, message) => {
  await expect(completed([BARE], REFERENCE, SHA, await saying(text))).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
    message,
  });
});

test.each([
  [{ "content-length": "12" }, 12],
  [{ "content-length": "" }, undefined],
  [{ "content-length": "-5" }, undefined],
  [{ "content-length": "1e3" }, undefined],
  [{ "content-length": "99999999999999999999" }, undefined],
  [{ "content-length": "12", "content-encoding": "gzip" }, undefined],
  [{}, undefined],
])("Of headers %j, the length is %s", (headers, length) => {
  expect(lengthOf({ headers: new Headers(headers as Record<string, string>) })).toBe(length);
});
