/** The files of a drop, those of folders with their paths, as a chosen folder gives them. */
export async function filesOfDrop({ items }: DataTransfer): Promise<readonly File[]> {
  // Entries have to be asked for before anything is waited for.
  const dropped = [...items].flatMap((item) => {
    const entry = item.webkitGetAsEntry();
    const file = item.getAsFile();
    return entry === null && file === null ? [] : [{ entry, file }];
  });
  const found: File[] = [];
  for (const { entry, file } of dropped) {
    if (entry?.isDirectory === true) found.push(...(await filesBelow(entry as FileSystemDirectoryEntry)));
    else if (file !== null) found.push(file);
  }
  return found;
}

/** Models have some thirty files; a folder with more than this is another one. */
const MOST_FILES = 2000;

async function filesBelow(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const found: File[] = [];
  const waiting = [folder];
  for (let next = waiting.shift(); next !== undefined && found.length < MOST_FILES; next = waiting.shift()) {
    for (const entry of await entriesOf(next)) {
      if (entry.isDirectory) waiting.push(entry as FileSystemDirectoryEntry);
      else found.push(await fileOf(entry as FileSystemFileEntry));
    }
  }
  return found;
}

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  while (true) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function fileOf(entry: FileSystemFileEntry): Promise<File> {
  const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
  // A file of a drop does not know its folder.
  return Object.defineProperty(file, "webkitRelativePath", { value: entry.fullPath.replace(/^\//, "") });
}
