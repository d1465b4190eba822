import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { download } from "../src/engine/download.ts";
import { type StaticHost, staticHost } from "./support/static-host.ts";

const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251);
const FILE = { path: "w.bin", bytes: BYTES.length, hash: "" };

let host: StaticHost;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "download-"));
  writeFileSync(join(folder, "w.bin"), BYTES);
  host = await staticHost(folder);
});

beforeEach(() => {
  host.asked.length = 0;
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

/** A file of the page's own, which is changed when what writes to it is closed. */
function memoryFile(start = new Uint8Array()) {
  let bytes = Uint8Array.from(start);
  return {
    bytes: () => bytes,
    getFile: async () => new Blob([bytes]),
    async createWritable({ keepExistingData = false } = {}) {
      let own = keepExistingData ? bytes : new Uint8Array();
      let at = 0;
      return {
        async seek(to: number) {
          at = to;
        },
        async write(piece: Uint8Array) {
          own = Uint8Array.from([...own.subarray(0, at), ...piece, ...own.subarray(at + piece.length)]);
          at += piece.length;
        },
        async close() {
          bytes = own;
        },
      };
    },
  };
}

async function brought(start?: Uint8Array) {
  const part = memoryFile(start as Uint8Array<ArrayBuffer>);
  const waited: number[] = [];
  const sleep = async (milliseconds: number) => void waited.push(milliseconds);
  let breaks = 0;
  try {
    const coming = download(part as never, `${host.url}/w.bin`, FILE, { sleep });
    for await (const { isBroken = false } of coming) breaks += Number(isBroken);
    return { part, waited, breaks };
  } catch (error) {
    return { part, waited, breaks, message: (error as Error).message };
  }
}

describe("a download", () => {
  test("goes on by itself at the byte where the connection broke", async () => {
    host.cut("w.bin", 30_000, 2);
    const { part, waited, breaks, message } = await brought();
    expect(message).toBeUndefined();
    expect(part.bytes()).toEqual(BYTES);
    expect(host.asked).toEqual(["/w.bin", "/w.bin bytes=30000-", "/w.bin bytes=60000-"]);
    expect([breaks, waited]).toEqual([2, [250, 250]]);
  });

  test("waits longer every time that nothing came, then says how far it is and keeps that", async () => {
    host.cut("w.bin", 0, 6);
    const { part, waited, message } = await brought(BYTES.subarray(0, 500));
    expect(message).toBe(
      "Cannot fetch w.bin: the connection broke after 500 of 100000 bytes, and 5 more attempts brought nothing; try again",
    );
    expect(waited).toEqual([250, 500, 1000, 2000, 4000]);
    expect(part.bytes()).toEqual(BYTES.subarray(0, 500));
  });

  test("tries again what passes, and not what does not", async () => {
    host.fail("w.bin", 503);
    expect(await brought()).toMatchObject({ waited: [250] });
    host.fail("w.bin", 403);
    expect(await brought()).toMatchObject({
      waited: [],
      message: "Cannot fetch w.bin: the status of the answer is 403",
    });
  });

  test("begins anew where the server sends whole files", async () => {
    host.whole = true;
    const { part, message } = await brought(BYTES.slice(0, 70_000).fill(9));
    host.whole = false;
    expect(message).toBeUndefined();
    expect(part.bytes()).toEqual(BYTES);
  });
});
