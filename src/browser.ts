/** `deepcache/browser`: what pages need beside `deepcache` itself. */

export type { Fetched } from "./checkpoint/bytes/byte-sources/served.ts";
export { blobFiles } from "./checkpoint/files/blobs.ts";
export { type DirectoryHandle, type FileHandle, handleFiles } from "./checkpoint/files/handles.ts";
export { type ServedFilesOptions, servedFiles } from "./checkpoint/files/served.ts";
export type { Files, WritableFiles } from "./checkpoint/files.ts";
export { type KeepOptions, type KeptModel, keepServedModel, type ListedModel } from "./hub/stores/web/keep-served.ts";
export { removeStoredModel, type StoredModel, storedModels } from "./hub/stores/web/stored-models.ts";
export { type BrowserSupport, browserSupport } from "./runtime/web/support.ts";
