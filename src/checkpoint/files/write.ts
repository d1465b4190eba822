import { randomUUID } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";

/** What a file is made of, in order. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file on disk that appears under `path` only once all of `pieces` are in it; otherwise nothing is left behind.
 * What `pieces` throws is thrown on as it is.
 */
export async function writePieces(path: string, pieces: Pieces): Promise<void> {
  const { temporary, finish, abandon } = beside(path, uniqueName(path));
  try {
    const file = await open(temporary, "wx");
    try {
      for await (const piece of pieces) await file.writeFile(piece);
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
export function writeWhole(path: string, content: Uint8Array | string, temporaryName = uniqueName(path)): void {
  const { temporary, finish, abandon } = beside(path, temporaryName);
  try {
    writeFileSync(temporary, content);
    finish();
  } catch (cause) {
    throw abandon(cause);
  }
}

const uniqueName = (path: string): string => `${path}.${randomUUID()}.incomplete`;

/** A file that is to take the place of `path`, under a name of its own until then. */
function beside(path: string, temporary: string) {
  return {
    temporary,
    finish: (): void => renameSync(temporary, path),
    /** Removes what has been written; returns what to throw. */
    abandon(cause: unknown): unknown {
      rmSync(temporary, { force: true });
      return isFileError(cause) ? new Error(`Cannot write "${path}"`, { cause }) : cause;
    },
  };
}

/** Only errors of the file system say which call failed. */
const isFileError = (cause: unknown): boolean => cause instanceof Error && "syscall" in cause;
