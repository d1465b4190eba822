/** Models have some thirty files; a folder with more than this is another one. */
export const MOST_FILES = 2000;

/** The files below a folder; their names are their paths, the folder's name first. */
export async function filesBelow(folder: FileSystemDirectoryHandle): Promise<readonly File[]> {
  const found: File[] = [];
  const waiting = [{ at: folder, path: folder.name }];
  for (let next = waiting.shift(); next !== undefined && found.length < MOST_FILES; next = waiting.shift()) {
    for await (const handle of next.at.values()) {
      const path = `${next.path}/${handle.name}`;
      if (handle.kind === "directory") waiting.push({ at: handle as FileSystemDirectoryHandle, path });
      else found.push(withPath(await (handle as FileSystemFileHandle).getFile(), path));
    }
  }
  return found;
}

/** The same file by its path: what a folder gave is told apart by that, in workers, too. */
export const withPath = (file: File, path: string): File =>
  new File([file], path, { type: file.type, lastModified: file.lastModified });
