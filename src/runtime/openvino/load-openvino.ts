import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { DeepCacheError } from "../../errors/deepcache-error.ts";
import { DeviceError } from "../../errors/device-error.ts";
import { findOpenVino } from "./find-openvino.ts";
import { type OpenVinoLibrary, openVinoLibrary } from "./openvino-library.js";

/** A CommonJS bundle has no `import.meta`. */
const HERE = import.meta.url ?? pathToFileURL(__filename).href;

/** Calls C from JavaScript; an optional package. */
export type Koffi = typeof import("koffi");

/** Where OpenVINO and what calls it are on this machine. */
export interface OpenVinoPaths {
  readonly library: string;
  readonly koffi: string;
}

let paths: OpenVinoPaths | undefined;
let loaded: OpenVinoLibrary | undefined;

/** Where this process has OpenVINO from. */
export function openVinoPaths(): OpenVinoPaths {
  paths ??= { koffi: koffiPath(HERE), library: findOpenVino() };
  return paths;
}

/** Where `file` would have koffi from. */
export function koffiPath(file: string): string {
  try {
    return createRequire(file).resolve("koffi");
  } catch (cause) {
    throw new DeepCacheError(
      "RUNTIME_MISSING",
      'Cannot run on OpenVINO: the package koffi, which calls it, is not installed; it takes "npm i koffi"',
      { cause },
    );
  }
}

/** The package koffi. */
export const loadKoffi = (): Koffi => createRequire(HERE)(openVinoPaths().koffi);

/** OpenVINO's C library, for the calling thread. */
export function loadOpenVino(): OpenVinoLibrary {
  loaded ??= open(openVinoPaths().library);
  return loaded;
}

function open(library: string): OpenVinoLibrary {
  const koffi = loadKoffi();
  try {
    return openVinoLibrary(koffi, library);
  } catch (cause) {
    throw new DeviceError(`Cannot run on OpenVINO: its library "${library}" cannot be loaded`, { cause });
  }
}
