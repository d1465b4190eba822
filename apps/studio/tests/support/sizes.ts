import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const STUDIO = fileURLToPath(new URL("../../", import.meta.url));

interface Check {
  readonly name: string;
  readonly path: readonly string[];
}

/** What of a built studio is larger than package.json allows, as size-limit measures it; `below` is where its paths begin. */
export function tooLarge(folder: string, below: "dist/" | "../../dist/studio/"): readonly string[] {
  const { "size-limit": checks } = JSON.parse(readFileSync(join(STUDIO, "package.json"), "utf8")) as {
    readonly "size-limit": readonly Check[];
  };
  const own = checks
    .filter(({ path }) => path.every((each) => each.startsWith(below)))
    .map((check) => ({ ...check, path: check.path.map((each) => each.slice(below.length)) }));
  const config = join(folder, ".size-limit.json");
  writeFileSync(config, JSON.stringify(own));
  const args = [join(STUDIO, "node_modules/size-limit/bin.js"), "--json", "--config", config];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: STUDIO, encoding: "utf8" });
  const measured = JSON.parse(stdout === "" ? `[{"name":${JSON.stringify(stderr)},"passed":false,"size":0}]` : stdout);
  if (measured.length !== own.length || own.length === 0)
    throw new Error("Cannot measure the studio: nothing to measure");
  return (measured as readonly { readonly name: string; readonly passed: boolean; readonly size: number }[]).flatMap(
    ({ name, passed, size }) => (passed ? [] : [`${name}: ${size} bytes`]),
  );
}
