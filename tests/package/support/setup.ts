import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { installFromRegistryOnly, type WatchedInstallation } from "./registry-only.ts";
import { succeed } from "./run.ts";
import { installTools, type Tools } from "./tools.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly packed: Packed;
  }
}

/** The package as others get it. */
export interface Packed {
  readonly tarball: string;
  /** A folder with the programs of consumers/, into which nothing but the package has been installed. */
  readonly app: string;
  readonly installation: WatchedInstallation;
  /** The same without ONNX Runtime. */
  readonly bare: string;
  readonly tools: Tools;
}

/** Packs the package and installs it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "deepcache-package-")));
  const above = createRequire(join(root, "app")).resolve.paths("onnxruntime-node") ?? [];
  const found = above.filter((path) => existsSync(join(path, "onnxruntime-node")));
  if (found.length > 0) throw new Error(`Cannot test without ONNX Runtime below "${root}": ${found.join(", ")} has it`);
  const folder = (name: string): string => {
    const path = join(root, name);
    mkdirSync(path);
    writeFileSync(join(path, "package.json"), JSON.stringify({ private: true, type: "module" }));
    return path;
  };
  const repository = fileURLToPath(new URL("../../..", import.meta.url));
  await succeed("npm", ["pack", "--pack-destination", root], repository);
  const tarball = join(root, readdirSync(root).find((name) => name.endsWith(".tgz")) ?? "");

  const [app, bare] = [folder("app"), folder("bare")];
  for (const user of [app, bare]) cpSync(join(repository, "tests/package/consumers"), user, { recursive: true });
  const [installation, tools] = await Promise.all([
    installFromRegistryOnly([tarball], app),
    installTools(folder("tools")),
    succeed("npm", ["install", tarball], bare),
  ]);
  rmSync(join(bare, "node_modules/onnxruntime-common"), { recursive: true });
  rmSync(join(bare, "node_modules/deepcache/onnxruntime"), { recursive: true });
  project.provide("packed", { tarball, app, installation, bare, tools });
  return () => rm(root, { recursive: true, force: true });
}
