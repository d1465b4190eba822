import { blobSource } from "../bytes/byte-sources/blob.ts";
import type { Files } from "../files.ts";
import { gatheredFiles } from "./gathered.ts";
import { checkBelow } from "./paths.ts";

/** A folder of Blobs by path, such as the Files of a folder that was dropped on a page by `webkitRelativePath`. */
export const blobFiles = (blobs: Iterable<readonly [path: string, blob: Blob]>, name: string): Files =>
  gatheredFiles(new Map([...blobs].map(([path, blob]) => [checkBelow(name, path), blob])), name, blobSource);
