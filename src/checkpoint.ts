/** `deepcache/checkpoint`: weights described where they lie, read and written; nothing of a checkpoint is executed. */

export { fileSource } from "./checkpoint/bytes/byte-sources/file.ts";
export { nodeFiles } from "./checkpoint/files/node.ts";
export { type Component, type ComponentOptions, openComponent } from "./checkpoint/folder/component.ts";
export { writeSafetensors } from "./checkpoint/safetensors/write-safetensors.ts";
export * from "./checkpoint-browser.ts";
