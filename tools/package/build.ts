// Builds dist anew, with the version of package.json, which is the only place to change it: npm run build.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pruneTypes } from "./prune-types.ts";

/** How files are made of many. */
const BUNDLED = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: "warning",
} as const;

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const { version, exports } = JSON.parse(readFileSync(at("package.json"), "utf8"));
writeFileSync(
  at("src/pipelines/version.ts"),
  `/** The version of this package; the build writes it from package.json. */\nexport const VERSION = ${JSON.stringify(version)};\n`,
);

rmSync(at("dist"), { recursive: true, force: true });
const compiler = [at("node_modules/typescript/bin/tsc"), "-p", at("tsconfig.build.json")];
process.exitCode = spawnSync(process.execPath, compiler, { stdio: "inherit" }).status ?? 1;
if (process.exitCode === 0) {
  await bundleForNode();
  await bundleThread();
  buildStudio();
  const targets: readonly unknown[] = Object.values(exports);
  pruneTypes(
    at("dist"),
    targets.flatMap((target) => (hasTypes(target) ? at(target.types) : [])),
  );
}

/** Whether a subpath has declarations; package.json has none. */
function hasTypes(target: unknown): target is { readonly types: string } {
  return typeof target === "object" && target !== null && "types" in target;
}

/** What `deepcache serve` shows browsers; it is built with packages of its own. */
function buildStudio(): void {
  const vite = at("apps/studio/node_modules/vite/bin/vite.js");
  if (!existsSync(vite)) {
    console.error("The studio is not built: npm run studio:install brings what it is built with");
    return;
  }
  const args = [vite, "build", "--mode", "server", "--logLevel", "warn"];
  const { status } = spawnSync(process.execPath, args, { cwd: at("apps/studio"), stdio: "inherit" });
  process.exitCode = status ?? 1;
}

/** What a thread loads when it starts, in one file for the same reason. */
async function bundleThread(): Promise<void> {
  const file = at("dist/remote/node/run-thread.js");
  await build({ ...BUNDLED, entryPoints: [file], outfile: file, allowOverwrite: true });
}

/**
 * The program, and what Node imports of the library, in few files: opening some 300 takes longer than what most commands
 * do, and twice the memory. What they share is in the same chunks, so that a class is the same whoever imports it.
 */
async function bundleForNode(): Promise<void> {
  const library = Object.values(exports)
    .flatMap((target) => (isRunInNode(target) ? target.node : []))
    .map((file) => [file.replace(/^\.\/dist\/|\.js$/g, ""), at(`dist/${basename(file)}`)]);
  const { outputFiles } = await build({
    entryPoints: { "cli/main": at("dist/cli/main.js"), ...Object.fromEntries(library) },
    outdir: at("dist"),
    ...BUNDLED,
    splitting: true,
    chunkNames: "node/chunks/[name]-[hash]",
    write: false,
  });
  rmSync(at("dist/cli"), { recursive: true });
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contents);
  }
  chmodSync(at("dist/cli/main.js"), 0o755); // for npx in a clone
}

/** Whether Node is given another file than other programs. */
function isRunInNode(target: unknown): target is { readonly node: string } {
  return typeof target === "object" && target !== null && "node" in target;
}
