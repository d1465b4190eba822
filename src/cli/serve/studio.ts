import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import type { Pages } from "../../server/pages.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

/** The studio that comes with the package; nothing where it has not been built. */
export async function studioPages(
  folder: string = join(dirname(createRequire(import.meta.url).resolve("deepcache/package.json")), "dist/studio"),
): Promise<Pages> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const pages = await Promise.all(
    names.map((name) => name.replaceAll("\\", "/")).flatMap((name) => pageAt(folder, name) ?? []),
  );
  return Object.fromEntries(pages);
}

function pageAt(folder: string, name: string) {
  const type = TYPES[extname(name)];
  if (type === undefined) return undefined;
  const path = name === "index.html" ? "/" : `/${name}`;
  return readFile(join(folder, name)).then((bytes) => [path, { bytes: new Uint8Array(bytes), type }] as const);
}
