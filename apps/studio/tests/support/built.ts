import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** Builds the studio into a folder of its own: as `deepcache serve` shows it, or as a page that any host serves. */
export async function builtStudio(mode: "server" | "production"): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), "studio-"));
  const configFile = fileURLToPath(new URL("../../vite.config.ts", import.meta.url));
  await build({ configFile, mode, logLevel: "silent", build: { outDir, emptyOutDir: true } });
  return outDir;
}
