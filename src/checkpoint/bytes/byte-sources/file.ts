import { open, realpath, stat } from "node:fs/promises";
import { CheckpointError } from "../../errors.ts";
import type { ByteSource } from "../byte-source.ts";
import { checkRange } from "./bounds.ts";

/** A file on disk, opened anew for every read: nothing to close, and no more open files than reads under way. */
export async function fileSource(path: string): Promise<ByteSource> {
  const { realPath, size, modified } = await locate(path);
  return {
    name: path,
    path: realPath,
    identity: JSON.stringify([realPath, size, modified]),
    size,
    async read(offset, length) {
      checkRange(path, size, offset, length);
      try {
        return await readRange(realPath, offset, length);
      } catch (cause) {
        if (cause instanceof CheckpointError) throw cause;
        throw new CheckpointError(`Cannot read ${length} bytes at ${offset} of "${path}"`, { cause });
      }
    },
  };
}

async function locate(path: string): Promise<{ realPath: string; size: number; modified: number }> {
  try {
    const realPath = await realpath(path);
    const found = await stat(realPath);
    if (!found.isFile()) throw new CheckpointError(`Cannot read "${path}": it is not a file`);
    return { realPath, size: found.size, modified: found.mtimeMs };
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new CheckpointError(`Cannot read "${path}"${missing ? ": there is no such file" : ""}`, { cause });
  }
}

async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
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
