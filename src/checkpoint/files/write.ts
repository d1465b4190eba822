import { randomUUID } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isGone, OWNER_TOKEN, ownerToken } from "./owner.ts";

/** What a file is made of, in order. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file on disk that appears under `path` only once all of `pieces` are in it; otherwise nothing is left behind.
 * Where `path` is a link, the file that it leads to is replaced; what is no regular file is refused. What `pieces` throws is
 * thrown on as it is.
 */
export async function writePieces(path: string, pieces: Pieces): Promise<void> {
  const { temporary, finish, abandon } = beside(path);
  try {
    const file = await open(temporary, "wx");
    try {
      for await (const piece of pieces) await file.writeFile(piece);
      await file.sync(); // what has the name has its bytes, also after a power cut
    } finally {
      await file.close();
    }
    finish();
  } catch (cause) {
    throw abandon(cause);
  }
}

/**
 * Like `writePieces()`, at one go and without letting anything run in between, an interrupt handler least of all. Whoever
 * writes alone may say what the file is called until then, so that the next attempt takes the name of one that was killed.
 */
export function writeWhole(path: string, content: Uint8Array | string, temporaryName?: string): void {
  const { temporary, finish, abandon } = beside(path, temporaryName);
  try {
    writeFileSync(temporary, content);
    finish();
  } catch (cause) {
    throw abandon(cause);
  }
}

/**
 * Puts a small file straight under its name, for others to see; one for which there is no room is not left there empty.
 * "wx" refuses a name that is taken.
 */
export function writeMark(path: string, text: string, flag: "w" | "wx" = "w"): void {
  try {
    writeFileSync(path, text, { flag });
  } catch (cause) {
    const isTaken = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    if (!isTaken) rmSync(path, { force: true });
    throw cause;
  }
}

/** Makes a folder and those around it, where they are missing. Node's own way never ends in some places, such as /proc. */
export function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (cause) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) return; // another process was faster
    if (found === undefined) throw cause;
    const error = new Error(`ENOTDIR: not a directory, mkdir '${path}'`, { cause });
    throw Object.assign(error, { code: "ENOTDIR", syscall: "mkdir", path }); // "exists" would be told of the file to be
  }
}

/** A name beside `path` for what is written in the meantime; it is removed when this process is there no more. */
export const temporaryName = (path: string): string => `${path}.${ownerToken()}.${randomUUID()}.incomplete`;

/** Where a link leads to, if `path` is one; refuses what is not a regular file, and a link that leads nowhere. */
export function regularTarget(path: string): string {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing === undefined) {
    const link = linkOf(path);
    if (link !== undefined) throw new Error(`Cannot write "${path}": it is a link to "${link}", which is not there`);
    return path;
  }
  if (existing.isDirectory()) throw new Error(`Cannot write "${path}": it is a folder`);
  if (!existing.isFile()) {
    throw new Error(`Cannot write "${path}": it is a device or a pipe, a regular file is required`);
  }
  return realpathSync(path);
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** A file that is to take the place of `path`, under a name of its own until then. */
function beside(path: string, asked?: string) {
  const target = placed(path, () => regularTarget(path));
  removeLeftovers(dirname(target));
  const temporary = asked ?? temporaryName(target);
  return {
    temporary,
    finish: (): void => renameSync(temporary, target),
    /** Removes what has been written; returns what to throw. */
    abandon(cause: unknown): unknown {
      rmSync(temporary, { force: true });
      return fileError(path, cause);
    },
  };
}

function placed<T>(path: string, find: () => T): T {
  try {
    return find();
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/** What `write` gives; what the disk refuses is told with the file that it was for. */
export async function writing<T>(path: string, write: () => T | Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/** Only errors of the file system say which call failed. */
const fileError = (path: string, cause: unknown): unknown =>
  cause instanceof Error && "syscall" in cause ? new Error(`Cannot write "${path}"`, { cause }) : cause;

const LEFTOVER = new RegExp(`\\.(${OWNER_TOKEN})\\.[0-9a-f-]{36}\\.incomplete$`);
/** Folders that were looked through by this process. */
const swept = new Set<string>();
/** What was not written to for so long belongs to nobody, wherever that was. */
const ABANDONED_MILLISECONDS = 24 * 60 * 60 * 1000;

/** Removes what processes left behind in a folder that were killed while they wrote; once for every folder. */
export function removeLeftovers(folder: string): void {
  const place = resolve(folder);
  if (swept.has(place)) return;
  swept.add(place);
  try {
    for (const name of readdirSync(place)) {
      const token = LEFTOVER.exec(name)?.[1];
      if (token !== undefined && isLeft(token, join(place, name))) rmSync(join(place, name), { force: true });
    }
  } catch {
    // whoever may not list or remove may still write
  }
}

const isLeft = (token: string, path: string): boolean =>
  isGone(token) ?? Date.now() - statSync(path).mtimeMs > ABANDONED_MILLISECONDS;
