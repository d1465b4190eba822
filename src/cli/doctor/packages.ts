import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** Optional packages that are not installed, and what takes them. */
export interface MissingPackages {
  readonly purpose: string;
  readonly packages: readonly string[];
}

const OPTIONAL: readonly MissingPackages[] = [
  {
    purpose: "a server",
    packages: ["hono", "@hono/node-server", "@hono/zod-openapi", "zod", "prom-client", "pino"],
  },
  { purpose: "machines that share a Redis", packages: ["bullmq", "ioredis"] },
  { purpose: "an S3-compatible store", packages: ["aws4fetch"] },
];

/** A CommonJS bundle has no `import.meta`. */
const HERE = import.meta.url ?? pathToFileURL(__filename).href;

/** What is not installed of the packages that only some commands take. */
export function missingPackages(): readonly MissingPackages[] {
  const { resolve } = createRequire(HERE);
  const isMissing = (name: string): boolean => {
    try {
      resolve(name);
      return false;
    } catch (error) {
      return (error as { readonly code?: unknown }).code === "MODULE_NOT_FOUND"; // others are there, for imports alone
    }
  };
  return OPTIONAL.flatMap(({ purpose, packages }) => {
    const missing = packages.filter(isMissing);
    return missing.length === 0 ? [] : [{ purpose, packages: missing }];
  });
}
