import { type DirectoryHandle, handleFiles } from "../../../checkpoint/files/handles.ts";
import type { WritableFiles } from "../../../checkpoint/files.ts";
import { originRoot } from "./file-host.ts";
import { type AskFiles, type OriginFile, openOriginFile } from "./origin-file.ts";

/** A folder of the page's own file system, which is made with the first file in it. */
export interface OriginTree {
  readonly name: string;
  /** The folder's handle; rejects where there is no such folder. */
  handle(): Promise<DirectoryHandle>;
  files(): Promise<WritableFiles | undefined>;
  /** Opens a file for writing; others wait for it to be closed. */
  openFile(path: string): Promise<OriginFile>;
  sizeOf(path: string): Promise<number | undefined>;
  readText(path: string): Promise<string | undefined>;
  writeText(path: string, text: string): Promise<void>;
  remove(path: string): Promise<void>;
  at(path: string): OriginTree;
}

/** The folder at `path`, names from the root on. */
export function originTree(ask: AskFiles, path: readonly string[]): OriginTree {
  const handle = async (): Promise<DirectoryHandle> => {
    let at = await originRoot();
    for (const name of path) at = await at.getDirectoryHandle(name);
    return at;
  };
  const name = path.join("/");
  const files = async (): Promise<WritableFiles | undefined> => {
    const found = await handle().catch(() => undefined);
    return found && handleFiles(found, name);
  };
  const openFile = (at: string): Promise<OriginFile> => openOriginFile(ask, [...path, ...at.split("/")]);
  const open = async (at: string) => {
    const own = await files();
    return own !== undefined && (await own.kind(at)) === "file" ? await own.open(at) : undefined;
  };
  return {
    ...{ name, handle, files, openFile },
    sizeOf: async (at) => (await open(at))?.size,
    async readText(at) {
      const source = await open(at);
      return source && new TextDecoder().decode(await source.read(0, source.size));
    },
    async writeText(at, text) {
      const file = await openFile(at);
      try {
        await file.truncate();
        await file.append(new TextEncoder().encode(text));
      } finally {
        await file.close();
      }
    },
    remove: async (at) => await (await files())?.remove(at),
    at: (below) => originTree(ask, [...path, ...below.split("/")]),
  };
}
