import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MUTANTS, SURVIVORS } from "./mutants.ts";

// npm run mutants -- [NAME ...]
// Puts one fault after another into a copy of this folder and runs the tests that should see it; exits with 1 where one survives.

const root = fileURLToPath(new URL("../..", import.meta.url));
const room = mkdtempSync(join(tmpdir(), "deepcache-mutants-"));
const wanted = process.argv.slice(2);

const LEFT_OUT = /^(?:node_modules|\.git|data|out)$/;
cpSync(root, room, {
  recursive: true,
  filter: (path) =>
    !path
      .slice(root.length)
      .split(/[/\\]/)
      .some((part) => LEFT_OUT.test(part)),
});
symlinkSync(join(root, "node_modules"), join(room, "node_modules"));

let failed = false;
try {
  for (const { name, file, before, after, tests } of MUTANTS) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const path = join(room, file);
    const original = readFileSync(path, "utf8");
    writeFileSync(
      path,
      original.replace(before, () => after),
    );
    const args = ["vitest", "run", "--bail", "1", "--reporter", "dot", "--maxWorkers", "1", ...tests.split(" ")];
    const env = { ...process.env, NO_COLOR: "1" };
    const { status, stdout, stderr } = spawnSync("npx", args, { cwd: room, env, encoding: "utf8", timeout: 600_000 });
    writeFileSync(path, original);
    const survives = status === 0;
    if (survives && !SURVIVORS.includes(name)) failed = true;
    const [, test = "what it did to the run"] = /FAIL\s+(.+)/.exec(stdout + stderr) ?? [];
    console.log(`${name}: ${survives ? "survives" : `killed by ${test}`}`);
  }
} finally {
  rmSync(room, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
