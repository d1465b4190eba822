import type { DirectoryHandle, FileHandle } from "../../../checkpoint/files/handles.ts";
import type { PartialFile } from "../../store.ts";
import type { OriginTree } from "./origin-tree.ts";

interface Movable extends FileHandle {
  move?(name: string): Promise<void>;
}

/** What is read at once of what is there. */
const PIECE = 2 ** 20;

const nameOf = (key: string): string => `${key}.incomplete`;
const noteOf = (key: string): string => `${key}.validator`;

/** The bytes that are there of a file on its way. */
export const partialSize = async (blobs: OriginTree, key: string): Promise<number> =>
  (await blobs.sizeOf(nameOf(key))) ?? 0;

/** Opens a file on its way; whoever does holds its lock. */
export async function openPartial(blobs: OriginTree, key: string): Promise<PartialFile> {
  const file = await blobs.openFile(nameOf(key));
  let validator = file.size === 0 ? undefined : await blobs.readText(noteOf(key));
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  const remove = async (): Promise<void> => {
    for (const name of [nameOf(key), noteOf(key)]) await blobs.remove(name);
  };
  return {
    get size() {
      return file.size;
    },
    get validator() {
      return validator;
    },
    async *bytes() {
      const { size } = file;
      for (let at = 0; at < size; at += PIECE) yield await file.read(at, Math.min(PIECE, size - at));
    },
    append: (bytes) => file.append(bytes),
    async restart(version) {
      await file.truncate();
      validator = version;
      if (version === undefined) await blobs.remove(noteOf(key));
      else await blobs.writeText(noteOf(key), version);
    },
    async finish(blob) {
      await close();
      await moved(await blobs.handle(), nameOf(key), blob);
      await blobs.remove(noteOf(key));
    },
    async discard() {
      await close();
      await remove();
    },
    async [Symbol.asyncDispose]() {
      const isUnfinished = isOpen;
      await close();
      if (isUnfinished && file.size === 0) await remove();
    },
  };
}

/** Gives a file another name in its folder, in place of what has it. */
async function moved(folder: DirectoryHandle, from: string, to: string): Promise<void> {
  const handle = (await folder.getFileHandle(from)) as Movable;
  if (handle.move === undefined) throw new Error(`Cannot keep "${to}": this browser does not rename files`);
  await handle.move(to);
}
