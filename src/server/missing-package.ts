/** `error`, or where it says that an optional package is not installed, one that says how to install it. */
export function missingPackage(error: unknown, failure: string): unknown {
  const { code, message = "" } = Object(error) as { readonly code?: unknown; readonly message?: string };
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return error;
  const [, name = "a package"] = /Cannot find (?:package|module) '([^']+)'/.exec(message) ?? [];
  return new Error(
    `${failure}: the optional package "${name}" is not installed; ` +
      '"npm i hono @hono/node-server @hono/zod-openapi zod prom-client pino" installs what a server takes',
    { cause: error },
  );
}
