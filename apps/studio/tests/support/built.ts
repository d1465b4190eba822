import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const STUDIO = fileURLToPath(new URL("../../", import.meta.url));

/** Builds the studio into a folder of its own: as `deepcache serve` shows it, or as a page for any host, and for this hub. */
export function builtStudio(mode: "server" | "production", hub?: string): string {
  const outDir = mkdtempSync(join(tmpdir(), "studio-"));
  const args = [
    join(STUDIO, "node_modules/vite/bin/vite.js"),
    "build",
    "--mode",
    mode,
    "--outDir",
    outDir,
    "--emptyOutDir",
  ];
  // A build within a test would be one for development.
  const env = { ...process.env, NODE_ENV: "production", ...(hub === undefined ? {} : { STUDIO_HUB: hub }) };
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: STUDIO, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`The studio cannot be built: ${stderr}`);
  return outDir;
}
