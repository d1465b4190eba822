import { execFileSync } from "node:child_process";
import { mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package as it is installed, compiled from these sources into a folder of its own; gives the folder. */
export function installPackage(): string {
  const installed = mkdtempSync(join(tmpdir(), "deepcache-process-"));
  const root = fileURLToPath(new URL("../..", import.meta.url));
  for (const name of ["package.json", "node_modules", "models", "onnxruntime"])
    symlinkSync(join(root, name), join(installed, name));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", join(installed, "dist")]);
  return installed;
}

/** The command line of an installed package. */
export const mainOf = (installed: string): string => join(installed, "dist", "cli", "main.js");
