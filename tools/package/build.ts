// Builds dist anew, with the version of package.json, which is the only place to change it: npm run build.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  await bundleCommands();
  await bundleThread();
  const targets: readonly unknown[] = Object.values(exports);
  pruneTypes(
    at("dist"),
    targets.flatMap((target) => (hasTypes(target) ? at(target.types) : [])),
  );
  buildStudio();
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

/** The program in few files, one or two for each command: opening some 300 takes longer than what most commands do. */
async function bundleCommands(): Promise<void> {
  const [folder, bundled] = [at("dist/cli"), at("dist/bundled")];
  await build({
    entryPoints: [at("dist/cli/main.js")],
    outdir: bundled,
    ...BUNDLED,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
  });
  rmSync(folder, { recursive: true });
  cpSync(bundled, folder, { recursive: true });
  rmSync(bundled, { recursive: true });
  chmodSync(at("dist/cli/main.js"), 0o755); // for npx in a clone
}
