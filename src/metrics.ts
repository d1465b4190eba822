/** `deepcache/metrics`: how alike pictures are, one by one and as sets, and the networks that judge them. */

export {
  type InceptionFeatures,
  type InceptionOptions,
  inceptionFeatures,
  openInception,
} from "./metrics/inception-features.ts";
export { type Lpips, type LpipsModel, lpips, openLpips } from "./metrics/lpips.ts";
export {
  openReferenceStatistics,
  type Reference,
  type ReferenceImages,
  writeReferenceStatistics,
} from "./metrics/reference-statistics.ts";
export {
  openSceneModel,
  readSceneReference,
  type SceneFeatures,
  type SceneModel,
  type SceneObservation,
  type SceneReference,
  sceneFeatures,
} from "./metrics/scene/scene-features.ts";
export * from "./metrics-browser.ts";
