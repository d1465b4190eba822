import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Removes the declarations below `folder` that none of `entries` leads to: nobody can import what they declare. */
export function pruneTypes(folder: string, entries: readonly string[]): void {
  const kept = new Set<string>();
  const open = entries.map((entry) => resolve(entry));
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (kept.has(file) || !existsSync(file)) continue;
    kept.add(file);
    const modules = readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g);
    for (const [, module = ""] of modules) open.push(resolve(dirname(file), module.replace(/\.[jt]s$/, ".d.ts")));
  }
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = resolve(join(folder, name));
    if (path.endsWith(".d.ts") && !kept.has(path)) rmSync(path);
  }
}
