// Puts what one system needs of onnxruntime-node into onnxruntime/, where the package looks for it: for the system that
// this runs on, and for those on which installing it runs a script that needs more than npm's registry. It is unpacked from
// npm's tarball, so that no script of it ever runs: docs/decisions/0017 says why. npm run carry
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The version whose LICENSE and ThirdPartyNotices.txt lie beside this file; they come from its Python wheel. */
const VERSION = "1.30.0";
/** Of its tarball, as package-lock.json would have it. */
const INTEGRITY = "sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==";
/** Systems whose copy is in every tarball of this package: see "files" in package.json. */
const PACKED = ["linux-x64"];
/** Systems that there is an ONNX Runtime for. */
const SUPPORTED = ["linux-x64", "linux-arm64", "darwin-arm64", "win32-x64", "win32-arm64"];

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const CARRIED = at("onnxruntime");

const own = `${process.platform}-${process.arch}`;
const wanted = [...new Set([...PACKED, own])].filter((system) => SUPPORTED.includes(system));
const missing = wanted.filter((system) => versionOf(system) !== VERSION);
if (missing.length > 0) carry(missing);

function versionOf(system: string): string | undefined {
  const path = join(CARRIED, system, "package.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).version : undefined;
}

function carry(systems: readonly string[]): void {
  mkdirSync(CARRIED, { recursive: true });
  const work = mkdtempSync(join(CARRIED, "unpacking-"));
  try {
    npmPack(work);
    const [tarball = ""] = readdirSync(work).filter((name) => name.endsWith(".tgz"));
    const found = `sha512-${createHash("sha512")
      .update(readFileSync(join(work, tarball)))
      .digest("base64")}`;
    if (found !== INTEGRITY) throw new Error(`Cannot use ${tarball}: it is ${found}, required is ${INTEGRITY}`);
    execFileSync("tar", ["-xzf", tarball], { cwd: work });
    for (const system of systems) take(join(work, "package"), system, join(work, system));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Fetches the tarball through npm, from the registry that it is set up for. */
function npmPack(folder: string): void {
  const npm = process.env["npm_execpath"];
  const args = ["pack", `onnxruntime-node@${VERSION}`, "--silent", "--pack-destination", folder];
  if (npm !== undefined && /\.c?js$/.test(npm)) execFileSync(process.execPath, [npm, ...args], { stdio: "ignore" });
  else execFileSync("npm", args, { stdio: "ignore", shell: process.platform === "win32" });
}

/** Takes JavaScript and one system's binaries, without the script, and lets them appear at once. */
function take(unpacked: string, system: string, folder: string): void {
  const { name, version, description, author, license, repository, main } = JSON.parse(
    readFileSync(join(unpacked, "package.json"), "utf8"),
  );
  const kept = { name, version, description, author, license, repository, main };
  for (const file of readdirSync(join(unpacked, "dist")).filter((path) => path.endsWith(".js"))) {
    cpSync(join(unpacked, "dist", file), join(folder, "dist", file));
  }
  const binaries = join("bin/napi-v6", system.replace("-", "/"));
  cpSync(join(unpacked, binaries), join(folder, binaries), { recursive: true });
  cpSync(at("tools/package/onnxruntime"), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(kept, undefined, 2)}\n`);
  const target = join(CARRIED, system);
  rmSync(target, { recursive: true, force: true });
  renameSync(folder, target);
}
