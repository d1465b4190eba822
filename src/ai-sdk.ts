/** `deepcache/ai-sdk`: image models for the AI SDK's `generateImage`, in this process or against a server of deepcache. */

export { deepcache, deepcacheV3, type SdkModel, type SdkOptions } from "./ai-sdk/deepcache.ts";
export type { ImageAnswer, ImageCall, ImageFile, ImageModel, ImageWarning } from "./ai-sdk/image-model.ts";
export type { RemoteOptions } from "./ai-sdk/makers/remote.ts";
