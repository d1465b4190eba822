import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isGone, OWNER_TOKEN, ownerToken } from "../../checkpoint/files/owner.ts";
import { makeFolder, writeMark } from "../../checkpoint/files/write.ts";
import { UsageError } from "../flags/usage.ts";

/**
 * Every process has a lock of its own name, so that none can take another's for the one that it found to be left behind.
 * One that finds no other, once its own is there, has the folder.
 */
const LOCK = new RegExp(`^process-(${OWNER_TOKEN})\\.lock$`);
/** A process elsewhere shows by the time of its lock that it is still there. */
const RENEWAL_MILLISECONDS = 30_000;
const LOST_MILLISECONDS = 10 * RENEWAL_MILLISECONDS;
/** How long one of two that began at the same time waits for the other to stand back. */
const PATIENCE_MILLISECONDS = 500;

/**
 * Keeps other processes from working in `folder`, until disposed; what a killed process left behind is of no account. A
 * folder that was made for it goes with it where nothing came to be in it.
 */
export function lockFolder(folder: string): Disposable {
  const name = `process-${ownerToken()}.lock`;
  const path = join(folder, name);
  const isNew = !existsSync(folder);
  const leave = (): void => {
    rmSync(path, { force: true });
    if (isNew) removeEmpty(folder);
  };
  try {
    makeFolder(folder);
    writeMark(path, `process ${process.pid} of ${hostname()}\n`, "wx");
  } catch (cause) {
    if (isCode(cause, "EEXIST")) throw busy(folder, name);
    if (isNew) removeEmpty(folder);
    throw new Error(`Cannot work in "${folder}"`, { cause });
  }
  const other = otherOwner(folder, name);
  if (other !== undefined) {
    leave();
    throw busy(folder, other);
  }
  const renewal = setInterval(() => renew(path), RENEWAL_MILLISECONDS).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(renewal);
      leave();
    },
  };
}

/** The lock of another process at work. Of two that began together, the one whose name comes first outwaits the other. */
function otherOwner(folder: string, own: string): string | undefined {
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    const others = readdirSync(folder).filter((name) => name !== own && isHeld(folder, name));
    const [first] = others.sort();
    if (first === undefined || first < own || Date.now() > deadline) return first;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}

/** Whether a name is that of a lock whose process is at work; removes one that was left behind. */
function isHeld(folder: string, name: string): boolean {
  const token = LOCK.exec(name)?.[1];
  if (token === undefined) return false;
  const path = join(folder, name);
  const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (modified === undefined) return false;
  const gone = isGone(token) ?? Date.now() - modified > LOST_MILLISECONDS;
  if (gone) rmSync(path, { force: true });
  return !gone;
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // something is in it, or it could not be made
  }
}

function renew(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // deleted by hand, as the message of another process advises
  }
}

function busy(folder: string, name: string): UsageError {
  const path = join(folder, name);
  return new UsageError(`Cannot work in "${folder}": ${ownerIn(path)} does; if it does not, delete "${path}"`);
}

function ownerIn(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "another process";
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
