import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ownerToken } from "../../src/checkpoint/files/owner.ts";
import { lockBlob } from "../../src/hub/stores/node/blob-lock.ts";
import { nodeStore } from "../../src/hub/stores/node/node-store.ts";
import { someBytes, type TestHub, testHub } from "./test-hub.ts";

/** Kills of a run of the test: more find more, and take longer. */
const KILLS = Number(process.env["DEEPCACHE_TEST_KILLS"] ?? 4);
const FILES = { "a.safetensors": someBytes(400_000, 1), "b.safetensors": someBytes(300_000, 2), "config.json": "{}" };
const SCRIPT = fileURLToPath(new URL("pull-child.ts", import.meta.url));

let folder: string;
let server: TestHub;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "deepcache-hub-"));
  server = await testHub({ "org/model": { files: FILES } }, 10);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const start = (): ChildProcess =>
  spawn(process.execPath, ["--import", "tsx", SCRIPT, server.endpoint, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
const ended = async (child: ChildProcess): Promise<number | null> =>
  child.exitCode ?? ((await once(child, "exit"))[0] as number | null);

const repo = (...path: readonly string[]): string => join(folder, "models--org--model", ...path);
const storageRequests = () => server.seen.filter(({ host }) => host.startsWith("localhost"));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Fails where something is called whole that is not. */
function checkWhole(): void {
  const blobs = existsSync(repo("blobs")) ? readdirSync(repo("blobs")) : [];
  for (const name of blobs) if (name.length === 64) expect(sha256(readFileSync(repo("blobs", name)))).toBe(name);
  if (!existsSync(repo("refs", "main"))) return;
  const commit = readFileSync(repo("refs", "main"), "utf8");
  for (const [path, content] of Object.entries(FILES)) {
    expect(Buffer.compare(readFileSync(repo("snapshots", commit, path)), Buffer.from(content)), path).toBe(0);
  }
}

test("Two processes that want the same model at once download it once", async () => {
  const children = [start(), start()];
  expect(await Promise.all(children.map(ended))).toEqual([0, 0]);
  checkWhole();
  expect(storageRequests()).toHaveLength(2);
  expect(readdirSync(join(folder, ".locks", "models--org--model"))).toEqual([]);
}, 30_000);

test("A process that is killed at any moment leaves nothing that is taken for whole, and the next goes on from there", async () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const before = server.seen.length;
    const child = start();
    while (server.seen.length === before && child.exitCode === null) await sleep(5);
    await sleep(Math.random() * 250);
    child.kill("SIGKILL");
    await ended(child);
    checkWhole();
  }
  expect(await ended(start())).toBe(0);
  checkWhole();
  expect(existsSync(repo("refs", "main"))).toBe(true);
  expect(readdirSync(repo("blobs")).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
}, 60_000);

test.runIf(process.platform === "linux")(
  "Where nothing can be written, the error names a file, and nothing is left, no lock either",
  async () => {
    const command = `ulimit -f 0; exec "$0" "$@"`; // as on a full disk, files can be made and stay empty
    const child = spawn("bash", ["-c", command, process.execPath, "--import", "tsx", SCRIPT, server.endpoint, folder], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, TSX_DISABLE_CACHE: "1" },
    });
    const [said, code] = await Promise.all([text(child.stderr), ended(child)]);
    expect(code).toBe(1);
    expect(said).toContain(`Cannot write "${join(folder, ".locks", "models--org--model")}`);
    expect(readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())).toEqual([]);
  },
  30_000,
);

test("A revision that is at its commit already is not written again, so that nobody need be allowed to", async () => {
  const store = nodeStore(folder).repo("models--org--model");
  const commit = "0123456789abcdef0123456789abcdef01234567";
  await store.setCommit("main", commit);
  const before = statSync(repo("refs", "main"));
  await store.setCommit("main", commit);
  expect(statSync(repo("refs", "main")).ino).toBe(before.ino);
  await store.setCommit("main", commit.replace("0", "f"));
  expect(await store.commitOf("main")).toBe(commit.replace("0", "f"));
  expect(readdirSync(repo("refs"))).toEqual(["main"]);
});

test.runIf(existsSync("/proc/self"))(
  "A cache that cannot be made is an error, and nobody waits for it for ever",
  async () => {
    const store = nodeStore("/proc/deepcache").repo("models--org--model");
    await expect(store.lock("key")).rejects.toThrow('Cannot write "/proc/deepcache/.locks/models--org--model/key"');
    await expect(store.openPartial("key")).rejects.toThrow("Cannot write");
    await expect(store.link("commit", "a", "blob")).rejects.toThrow("Cannot write");
    await expect(store.setCommit("main", "0".repeat(40))).rejects.toThrow("Cannot write");
  },
);

test("The lock of a process that is no longer there is of no account, that of another at work is waited for", async () => {
  const [place, boot] = ownerToken().split("-");
  const locks = join(folder, ".locks");
  mkdirSync(locks);
  writeFileSync(join(locks, `key.${place}-${boot}-999999999-1.lock`), "");
  await (await lockBlob(locks, "key"))[Symbol.asyncDispose]();
  expect(readdirSync(locks)).toEqual([]);

  const elsewhere = join(locks, `key.00000000-${boot}-1-1.lock`);
  writeFileSync(elsewhere, "");
  const controller = new AbortController();
  const waiting = lockBlob(locks, "key", controller.signal);
  await sleep(200);
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  const later = lockBlob(locks, "key");
  rmSync(elsewhere);
  await (await later)[Symbol.asyncDispose]();
});

test("Within one process, one after the other has a lock", async () => {
  const order: string[] = [];
  const first = await lockBlob(folder, "key");
  const second = lockBlob(folder, "key").then((lock) => {
    order.push("second");
    return lock;
  });
  await sleep(50);
  order.push("first ends");
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
  expect(order).toEqual(["first ends", "second"]);
});
