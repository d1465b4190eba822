/** `deepcache/checkpoint` for browsers: reading from memory, Blobs and other sources, without files on disk. */

export type { ByteSource } from "./checkpoint/bytes/byte-source.ts";
export { memorySource } from "./checkpoint/bytes/byte-sources/memory.ts";
export type { CheckpointFile } from "./checkpoint/checkpoint-file.ts";
export { CheckpointError } from "./checkpoint/errors.ts";
export { blobFiles } from "./checkpoint/files/blobs.ts";
export { memoryFiles } from "./checkpoint/files/memory.ts";
export type { FileLike, Files, FolderLike, WritableFiles } from "./checkpoint/files.ts";
export { readCheckpoint } from "./checkpoint/read-checkpoint.ts";
export { readTensor } from "./checkpoint/read-tensor.ts";
export type { Weight, Weights } from "./checkpoint/weights.ts";
export type { Tensor } from "./tensor/tensor.ts";
export { TokenizerError } from "./tokenizer/errors.ts";
