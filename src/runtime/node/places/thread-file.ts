import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Where the file of a thread lies. */
interface ThreadPlace {
  /** The URL of a file that it lies beside. */
  readonly beside: string;
  /** Its folder in the package, which holds where that file has become a part of a bundle. */
  readonly inPackage: string;
}

/** What a thread is started with. */
export function threadFile(name: string, { beside, inPackage }: ThreadPlace): URL {
  const file = new URL(`./${name}`, beside);
  if (existsSync(file)) return file;
  const packaged = join(packageFolder(beside), inPackage, name);
  if (existsSync(packaged)) return pathToFileURL(packaged);
  throw new Error(
    `Cannot start a thread for networks: "${fileURLToPath(file)}" is not there; keep the package deepcache beside ` +
      'the bundle, or run networks on the calling thread with thread: "caller"',
  );
}

function packageFolder(from: string): string {
  try {
    return dirname(createRequire(from).resolve("deepcache/package.json"));
  } catch {
    return "";
  }
}
