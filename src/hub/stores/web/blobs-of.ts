import type { Files } from "../../../checkpoint/files.ts";

/** All files of a folder of the page's own files, by their paths. */
export async function blobsOf(files: Files): Promise<readonly (readonly [path: string, blob: Blob])[]> {
  const found: (readonly [string, Blob])[] = [];
  for (const name of await files.list()) {
    if ((await files.kind(name)) === "file") found.push([name, await contentsOf(await files.open(name))]);
    else for (const [path, blob] of await blobsOf(files.at(name))) found.push([`${name}/${path}`, blob]);
  }
  return found;
}

/** The contents of a file of the page's own files, which stay where they are. */
export async function contentsOf({ name, size, blob }: Awaited<ReturnType<Files["open"]>>): Promise<Blob> {
  const contents = await blob?.(0, size);
  if (contents === undefined) throw new TypeError(`Cannot open "${name}": it is not in a file of the browser`);
  return contents;
}
