import { createReadStream } from "node:fs";
import { open, readFile, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder, writeWhole, writing } from "../../../checkpoint/files/write.ts";
import type { PartialFile } from "../../store.ts";
import { sizeOfFile } from "./size-of-file.ts";

/** Where a file on its way is, and where what is noted of it. */
export interface PartialPlace {
  readonly blobs: string;
  readonly notes: string;
  readonly key: string;
}

/** Python's library has names of its own for what it has begun, and takes no notice of ours. */
const pathOf = (blobs: string, key: string): string => join(blobs, `${key}.deepcache.incomplete`);

/** The bytes that are there of a file on its way. */
export const partialSize = async (blobs: string, key: string): Promise<number> =>
  (await sizeOfFile(pathOf(blobs, key))) ?? 0;

/** Opens a file on its way; whoever does holds its lock. */
export async function openPartial({ blobs, notes, key }: PartialPlace): Promise<PartialFile> {
  const path = pathOf(blobs, key);
  const note = join(notes, `${key}.validator`);
  makeFolder(blobs);
  makeFolder(notes);
  const file = await open(path, "a+").catch(async () => {
    makeFolder(blobs); // another download that came to nothing may have removed it
    return await open(path, "a+");
  });
  let { size } = await file.stat();
  let validator = size === 0 ? undefined : await readFile(note, "utf8").catch(() => undefined);
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  /** Leaves no folder behind with nothing in it. */
  const remove = async (): Promise<void> => {
    await rm(path, { force: true });
    await rm(note, { force: true });
    for (const folder of [blobs, dirname(blobs)]) await rmdir(folder).catch(() => {});
  };
  return {
    get size() {
      return size;
    },
    get validator() {
      return validator;
    },
    bytes: () => (size === 0 ? empty() : createReadStream(path, { end: size - 1, highWaterMark: 1 << 20 })),
    async append(bytes) {
      await writing(path, async () => await file.appendFile(bytes));
      size += bytes.length;
    },
    async restart(version) {
      await writing(path, async () => await file.truncate(0));
      size = 0;
      validator = version;
      if (version === undefined) return await rm(note, { force: true });
      writeWhole(note, version);
    },
    async finish(blob) {
      await writing(path, async () => {
        await file.sync(); // what has the blob's name has its bytes, also after a power cut
        await close();
        await rename(path, join(blobs, blob));
      });
      await rm(note, { force: true });
    },
    async discard() {
      await close();
      await remove();
    },
    async [Symbol.asyncDispose]() {
      const isUnfinished = isOpen;
      await close();
      if (isUnfinished && size === 0) await remove();
    },
  };
}

async function* empty(): AsyncGenerator<Uint8Array> {}
