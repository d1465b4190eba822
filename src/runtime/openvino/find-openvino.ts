import { readdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { DeviceError } from "../../errors/device-error.ts";

/** What a machine says about where things lie. */
export interface Machine {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** How OpenVINO comes onto a machine, and how it is found elsewhere. */
export const OPENVINO_INSTALL =
  "pip install openvino brings it (into a virtual environment that is active, or with OPENVINO_DIR naming its folder)";

/** Below a folder of OpenVINO's, whichever way it was installed: of the wheel, the archive, a build, and of Debian. */
const LIBRARY_FOLDERS = [
  ".",
  "libs",
  "openvino/libs",
  "runtime/lib/intel64",
  "runtime/lib/aarch64",
  "runtime/lib/arm64/Release",
  "runtime/bin/intel64/Release",
  "lib",
  "lib/x86_64-linux-gnu",
  "lib/aarch64-linux-gnu",
];

const LIBRARY: Readonly<Record<string, RegExp>> = {
  win32: /^openvino_c\.dll$/,
  darwin: /^libopenvino_c(\.\d+)*\.dylib$/,
  linux: /^libopenvino_c\.so(\.\d+)*$/,
};

/**
 * Finds OpenVINO's C library: in the folder that OPENVINO_DIR names, else in the packages of Python's environment that is
 * active or the user's own, else where the system has libraries.
 */
export function findOpenVino(
  machine: Machine = { platform: process.platform, env: process.env, home: homedir() },
): string {
  const named = machine.env["OPENVINO_DIR"];
  const places = named ? foldersOf(named) : [...pythonFolders(machine), ...systemFolders(machine)];
  const pattern = LIBRARY[machine.platform] ?? (LIBRARY["linux"] as RegExp);
  for (const folder of places) {
    // Where several versions lie side by side, the name without a number is the link to the one that is in use.
    const [library] = list(folder)
      .filter((name) => pattern.test(name))
      .sort((a, b) => a.length - b.length || a.localeCompare(b));
    if (library !== undefined) return realpathSync(join(folder, library));
  }
  throw new DeviceError(
    named
      ? `Cannot run on OpenVINO: OPENVINO_DIR is "${named}", in which there is no library libopenvino_c`
      : `Cannot run on OpenVINO: its library libopenvino_c is not on this machine; ${OPENVINO_INSTALL}`,
  );
}

const foldersOf = (root: string): string[] => LIBRARY_FOLDERS.map((folder) => join(root, folder));

function pythonFolders({ platform, env, home }: Machine): string[] {
  const { VIRTUAL_ENV, CONDA_PREFIX, APPDATA } = env;
  const roots = [VIRTUAL_ENV, CONDA_PREFIX].flatMap((root) => root ?? []);
  if (platform === "win32") {
    const user =
      APPDATA === undefined ? [] : below(join(APPDATA, "Python"), /^Python\d+$/).map((at) => join(at, "site-packages"));
    return [...roots.map((root) => join(root, "Lib", "site-packages")), ...user].flatMap(foldersOf);
  }
  const all = [...roots, join(home, ".local"), "/usr/local", "/opt/homebrew", "/usr"];
  return all
    .flatMap((root) => below(join(root, "lib"), /^python3/))
    .flatMap((python) => [join(python, "site-packages"), join(python, "dist-packages")])
    .flatMap((packages) => [join(packages, "openvino", "libs")]);
}

function systemFolders({ platform, env }: Machine): string[] {
  const variable =
    { win32: env["PATH"] ?? env["Path"], darwin: env["DYLD_LIBRARY_PATH"] }[platform] ?? env["LD_LIBRARY_PATH"];
  const searched = (variable ?? "").split(platform === process.platform ? delimiter : platform === "win32" ? ";" : ":");
  const known =
    platform === "win32" ? [] : ["/usr/local", "/usr", "/opt/homebrew", "/opt/intel/openvino"].flatMap(foldersOf);
  return [...searched.filter((folder) => folder !== ""), ...known, ...(platform === "linux" ? ["/usr/lib64"] : [])];
}

const below = (folder: string, pattern: RegExp): string[] =>
  list(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
