/** `deepcache/checkpoint`: weights described where they lie, read and written; nothing of a checkpoint is executed. */

export type { ByteSource } from "./checkpoint/bytes/byte-source.ts";
export { fileSource } from "./checkpoint/bytes/byte-sources/file.ts";
export { memorySource } from "./checkpoint/bytes/byte-sources/memory.ts";
export type { CheckpointFile } from "./checkpoint/checkpoint-file.ts";
export { CheckpointError } from "./checkpoint/errors.ts";
export { blobFiles } from "./checkpoint/files/blobs.ts";
export { memoryFiles } from "./checkpoint/files/memory.ts";
export { nodeFiles } from "./checkpoint/files/node.ts";
export type { FileLike, Files, FolderLike, WritableFiles } from "./checkpoint/files.ts";
export { type Component, type ComponentOptions, openComponent } from "./checkpoint/folder/component.ts";
export { readCheckpoint } from "./checkpoint/read-checkpoint.ts";
export { readTensor } from "./checkpoint/read-tensor.ts";
export { writeSafetensors } from "./checkpoint/safetensors/write-safetensors.ts";
export type { Weight, Weights } from "./checkpoint/weights.ts";
export type { Tensor } from "./tensor/tensor.ts";
export { TokenizerError } from "./tokenizer/errors.ts";
