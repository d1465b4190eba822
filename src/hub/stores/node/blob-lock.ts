import { readdir, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isGone, OWNER_TOKEN, ownerToken } from "../../../checkpoint/files/owner.ts";
import { makeFolder, writeMark } from "../../../checkpoint/files/write.ts";

/** A process elsewhere shows by the time of its lock that it is still there. */
const RENEWAL_MILLISECONDS = 30_000;
const LOST_MILLISECONDS = 10 * RENEWAL_MILLISECONDS;
/** How long one of two that began at the same time waits for the other to stand back. */
const PATIENCE_MILLISECONDS = 500;
const PAUSE_MILLISECONDS = 50;

/** What this process holds or waits for, by the place of the lock: its end. */
const queues = new Map<string, Promise<void>>();

/**
 * Waits until no other process, and nobody else in this one, works on `key`. Every process has a lock of its own name in
 * `folder`; one that finds no other, once its own is there, has it. What a killed process left behind is of no account.
 */
export async function lockBlob(folder: string, key: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  const place = resolve(folder, key);
  const before = queues.get(place) ?? Promise.resolve();
  let leave = (): void => {};
  const own = new Promise<void>((settle) => {
    leave = settle;
  });
  const turn = before.then(() => own);
  queues.set(place, turn);
  const forget = (): void => {
    leave();
    if (queues.get(place) === turn) queues.delete(place);
  };
  try {
    await until(before, signal);
    const lock = await lockAmongProcesses(folder, key, signal);
    return {
      async [Symbol.asyncDispose]() {
        await lock[Symbol.asyncDispose]();
        forget();
      },
    };
  } catch (error) {
    forget();
    throw error;
  }
}

/** Waits for `event`; rejects with the signal's reason where that comes first. */
async function until(event: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (signal === undefined) return await event;
  const ended = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: ended.signal });
  });
  try {
    await Promise.race([event, aborted]);
  } finally {
    ended.abort();
  }
}

async function lockAmongProcesses(folder: string, key: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  const name = `${key}.${ownerToken()}.lock`;
  const path = join(folder, name);
  makeFolder(folder);
  for (;;) {
    signal?.throwIfAborted();
    writeMark(path, `process ${process.pid} of ${hostname()}\n`);
    if (!(await hasRival(folder, key, name))) break;
    await rm(path, { force: true });
    await sleep(PAUSE_MILLISECONDS * (1 + Math.random()));
  }
  const renewal = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), RENEWAL_MILLISECONDS);
  renewal.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(renewal);
      await rm(path, { force: true });
    },
  };
}

/** Whether another process has the lock. Of two that began together, the one whose name comes first outwaits the other. */
async function hasRival(folder: string, key: string, own: string): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    const [first] = (await heldLocks(folder, key)).filter((name) => name !== own).sort();
    if (first === undefined) return false;
    if (first < own || Date.now() > deadline) return true;
    await sleep(10);
  }
}

/** The locks on `key` of processes that are at work; removes those that were left behind. */
export async function heldLocks(folder: string, key: string): Promise<readonly string[]> {
  const held: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const token = name.startsWith(`${key}.`) ? OWN_NAME.exec(name.slice(key.length))?.[1] : undefined;
    if (token === undefined) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (isGone(token) ?? Date.now() - found.mtimeMs > LOST_MILLISECONDS) await rm(path, { force: true });
    else held.push(name);
  }
  return held;
}

const OWN_NAME = new RegExp(`^\\.(${OWNER_TOKEN})\\.lock$`);
