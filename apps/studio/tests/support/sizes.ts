import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const STUDIO = fileURLToPath(new URL("../../", import.meta.url));

/** What of a built studio is larger than size-checks.mjs allows, as size-limit measures it. */
export async function tooLarge(folder: string, kind: "page" | "server"): Promise<readonly string[]> {
  const { pageChecks, serverChecks } = await import("../../size-checks.mjs");
  const checks = kind === "page" ? pageChecks(folder) : serverChecks(folder);
  const config = join(folder, ".size-limit.json");
  writeFileSync(config, JSON.stringify(checks));
  const args = [join(STUDIO, "node_modules/size-limit/bin.js"), "--json", "--config", config];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: STUDIO, encoding: "utf8" });
  const measured = JSON.parse(stdout === "" ? `[{"name":${JSON.stringify(stderr)},"passed":false,"size":0}]` : stdout);
  if (measured.length !== checks.length) throw new Error(`Cannot measure the studio: ${stdout}${stderr}`);
  return (measured as readonly { readonly name: string; readonly passed: boolean; readonly size: number }[]).flatMap(
    ({ name, passed, size }) => (passed && size > 0 ? [] : [`${name}: ${size} bytes`]),
  );
}
