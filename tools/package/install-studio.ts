// Installs what the studio is built with, where it is not there as its lock file says: npm run studio:install.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path: string): string => fileURLToPath(new URL(`../../apps/studio/${path}`, import.meta.url));
const [wanted, there] = [at("package-lock.json"), at("node_modules/.package-lock.json")];

if (!existsSync(there) || statSync(there).mtimeMs < statSync(wanted).mtimeMs) {
  const npm = spawnSync("npm", ["ci", "--prefix", at("."), "--loglevel", "error"], { stdio: "inherit", shell: true });
  process.exitCode = npm.status ?? 1;
}
