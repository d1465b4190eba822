import type { BigIntStats } from "node:fs";
import { statSync } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { CheckpointError } from "../../errors.ts";
import type { ByteSource, SourceState } from "../byte-source.ts";
import { checkRange } from "./bounds.ts";

/**
 * A file on disk, opened anew for every read: nothing to close, and no more open files than reads under way. A file that has
 * been replaced or changed in the meantime is refused. Messages call it by its path, or by another name.
 */
export async function fileSource(place: string, path: string = place): Promise<ByteSource> {
  const { realPath, found } = await locate(place, path);
  const size = Number(found.size);
  return {
    name: path,
    path: realPath,
    identity: JSON.stringify([realPath, size, Number(found.mtimeNs) / 1e6]),
    size,
    // Without a wait: it is asked for around every run of a graph, and a look takes microseconds.
    state() {
      try {
        return stateOf(found, statSync(realPath, { bigint: true }));
      } catch {
        return "removed";
      }
    },
    async read(offset, length) {
      checkRange(path, size, offset, length);
      try {
        return await readRange(realPath, { path, found, offset, length });
      } catch (cause) {
        if (cause instanceof CheckpointError) throw cause;
        throw new CheckpointError(`Cannot read ${length} bytes at ${offset} of "${path}"`, { cause });
      }
    },
  };
}

async function locate(
  place: string,
  path: string,
): Promise<{ readonly realPath: string; readonly found: BigIntStats }> {
  try {
    const realPath = await realpath(place);
    const found = await stat(realPath, { bigint: true });
    if (!found.isFile()) throw new CheckpointError(`Cannot read "${path}": it is not a file`);
    return { realPath, found };
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new CheckpointError(`Cannot read "${path}"${missing ? ": there is no such file" : ""}`, { cause });
  }
}

function stateOf(before: BigIntStats, now: BigIntStats): SourceState {
  if (before.dev !== now.dev || before.ino !== now.ino) return "replaced";
  return before.size === now.size && before.mtimeNs === now.mtimeNs ? "same" : "changed";
}

interface Range {
  /** What messages call the file. */
  readonly path: string;
  readonly found: BigIntStats;
  readonly offset: number;
  readonly length: number;
}

async function readRange(realPath: string, { path, found, offset, length }: Range): Promise<Uint8Array> {
  const file = await open(realPath, "r");
  try {
    const state = stateOf(found, await file.stat({ bigint: true }));
    if (state !== "same") throw new CheckpointError(`Cannot read "${path}": it has been ${state} since it was opened`);
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) {
        throw new CheckpointError(
          `Cannot read "${path}": it ended ${length - filled} bytes early, it has been truncated`,
        );
      }
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
