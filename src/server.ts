/**
 * `deepcache/server`: models behind OpenAI's images API, AUTOMATIC1111's, and an interface of jobs, as a function from `Request`
 * to `Response`.
 */

export type { Log } from "./server/context.ts";
export type { RequestLimits } from "./server/guard/limits.ts";
export { type Handler, handler } from "./server/handler.ts";
export type { ModelSource, ServedModel } from "./server/models/models.ts";
export type { ObjectStore } from "./server/objects/object-store.ts";
export { openObjects } from "./server/objects/open-objects.ts";
export type { ServerOptions, Sources } from "./server/options.ts";
