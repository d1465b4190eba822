import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DeepCacheError } from "../../errors/deepcache-error.ts";

/** Where onnxruntime-node lies. */
export interface OnnxRuntimePackage {
  readonly folder: string;
  readonly version: string;
}

/** The version that is required, or a later one: what package.json asks of the peer. */
const OLDEST = { major: 1, minor: 30 };
const INSTALL = `npm i -O onnxruntime-node@${OLDEST.major}.${OLDEST.minor} --ignore-scripts`;

/**
 * Finds the onnxruntime-node that `file` would import or, where there is none, the copy that this package carries for
 * systems on which installing it is hard: docs/decisions/0017-onnx-runtime-is-an-optional-peer.md.
 */
export function findOnnxRuntime(
  file: string | URL,
  { platform, arch }: { readonly platform: string; readonly arch: string } = process,
): OnnxRuntimePackage {
  const installed = packageFolder("onnxruntime-node", file);
  if (installed !== undefined) {
    const version = versionIn(installed);
    if (isRecent(version)) return { folder: installed, version };
    throw new DeepCacheError(
      "RUNTIME_MISSING",
      `Cannot use onnxruntime-node ${version} of "${installed}": ${OLDEST.major}.${OLDEST.minor} or later is required (${INSTALL})`,
    );
  }
  const own = packageFolder("deepcache", file);
  const carried = own === undefined ? undefined : join(own, "onnxruntime", `${platform}-${arch}`);
  if (carried !== undefined && existsSync(carried)) return { folder: carried, version: versionIn(carried) };
  throw new DeepCacheError(
    "RUNTIME_MISSING",
    `Cannot run networks on ${platform} ${arch}: ONNX Runtime is not installed, it takes "${INSTALL}"`,
  );
}

/** The folder of the package that `file` would import as `name`. */
function packageFolder(name: string, file: string | URL): string | undefined {
  try {
    return dirname(createRequire(file).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

function versionIn(folder: string): string {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor);
}
