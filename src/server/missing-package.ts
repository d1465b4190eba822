const SERVER = "hono @hono/node-server @hono/zod-openapi zod prom-client pino";

/** What a queue in Redis takes beside. */
export const REDIS_PACKAGES = "bullmq ioredis";

/** `error`, or where it says that an optional package is not installed, one that says how to install it. */
export function missingPackage(error: unknown, failure: string, packages = SERVER): unknown {
  const { code, message = "" } = Object(error) as { readonly code?: unknown; readonly message?: string };
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return error;
  const [, name = "a package"] = /Cannot find (?:package|module) '([^']+)'/.exec(message) ?? [];
  return new Error(
    `${failure}: the optional package "${name}" is not installed; ` + `"npm i ${packages}" installs what it takes`,
    { cause: error },
  );
}
