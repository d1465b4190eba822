import { filesOf } from "../../checkpoint/files/place.ts";
import type { WritableFiles } from "../../checkpoint/files.ts";

/** Where int8 weights are kept within a folder for what can be made again. */
export const weightFolder = (cacheFolder: string | WritableFiles): WritableFiles => filesOf(cacheFolder).at("int8");

/** Where measurements of the machine are kept within the same folder. */
export const measurementFolder = (cacheFolder: string | WritableFiles): WritableFiles =>
  filesOf(cacheFolder).at("machine");
