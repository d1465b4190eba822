import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The files of a folder as a repository has them, by path. */
export const folderRepo = (folder: string, below = ""): Readonly<Record<string, Uint8Array>> =>
  Object.fromEntries(
    readdirSync(join(folder, below)).flatMap((name): [string, Uint8Array][] => {
      const path = below === "" ? name : `${below}/${name}`;
      if (statSync(join(folder, path)).isDirectory()) return Object.entries(folderRepo(folder, path));
      return [[path, new Uint8Array(readFileSync(join(folder, path)))]];
    }),
  );
