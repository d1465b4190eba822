import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keptFolder, type ListedFolder } from "../../src/hub/repo/listed-folder.ts";
import { openHub } from "../../src/hub/stores/node/open-hub.ts";
import { someBytes, type TestHub, testHub } from "./test-hub.ts";

let folder: string;
let server: TestHub;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "deepcache-hub-"));
  server = await testHub({});
  server.cache = folder;
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** A folder of the server with these files. */
const listed = (contents: Readonly<Record<string, Uint8Array>>): ListedFolder => ({
  name: "own",
  url: new URL(`${server.storage}/models/own`),
  files: Object.entries(contents).map(([path, bytes]) => {
    server.put(`models/own/${path}`, bytes);
    return { path, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  }),
});

const keep = async (model: ListedFolder) =>
  await keptFolder(
    model,
    await openHub(
      { cacheFolder: folder },
      { environment: { variables: {}, homeFolder: folder, readText: async () => undefined } },
    ),
  );

const bytesOf = async (files: Awaited<ReturnType<typeof keep>>, path: string): Promise<Buffer> => {
  const source = await files.open(path);
  return Buffer.from(await source.read(0, source.size));
};

test("A folder that lists its files is kept, and asked for once; of a later version, what has changed is", async () => {
  const [config, weights] = [someBytes(20, 3), someBytes(100_000)];
  const files = await keep(listed({ "config.json": config, "unet/w.safetensors": weights }));
  expect(await bytesOf(files, "unet/w.safetensors")).toEqual(Buffer.from(weights));
  server.seen.length = 0;
  await keep(listed({ "config.json": config, "unet/w.safetensors": weights }));
  expect(server.seen).toEqual([]);
  const later = await keep(listed({ "config.json": someBytes(20, 4), "unet/w.safetensors": weights }));
  expect(server.seen.map(({ path }) => path)).toEqual(["/models/own/config.json"]);
  expect(await bytesOf(later, "config.json")).toEqual(Buffer.from(someBytes(20, 4)));
});

test("A folder goes on at its byte, and what is not as it is listed is refused", async () => {
  const weights = someBytes(100_000);
  server.faults.push({ kind: "drop", after: 30_000 });
  await keep(listed({ "w.safetensors": weights }));
  expect(server.seen.map(({ range }) => range)).toEqual([undefined, "bytes=30000-"]);
  const { files, ...other } = listed({ "v.safetensors": someBytes(1000, 5) });
  await expect(keep({ ...other, files: files.map((file) => ({ ...file, sha256: "0".repeat(64) })) })).rejects.toThrow(
    /^Cannot download "v\.safetensors" of "own": its digest is [0-9a-f]{64}, 0{64} is required; the server sends another/,
  );
});
