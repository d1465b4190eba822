import { OpenAPIHono } from "@hono/zod-openapi";
import { VERSION } from "../pipelines/version.ts";
import { addPages } from "./add-pages.ts";
import { addAutomatic1111 } from "./automatic1111/routes.ts";
import type { Log, ServerContext } from "./context.ts";
import type { Authenticate } from "./guard/authenticate.ts";
import { checkOrigin, type OriginHeaders, type OriginOptions, preflight } from "./guard/origins.ts";
import { addJobs } from "./jobs/routes.ts";
import { openAiError } from "./openai/errors.ts";
import { addOpenAi } from "./openai/routes.ts";
import { addOperations, isOpen, type Operations } from "./operations/routes.ts";
import type { Pages } from "./pages.ts";
import { Refusal, refusalOf } from "./refusal.ts";
import type { App } from "./route.ts";

/** What an app is put together from. */
export interface AppOptions extends OriginOptions, Operations {
  readonly authenticate: Authenticate;
  readonly log: Log;
  readonly pages?: Pages | undefined;
}

/** What the OpenAPI page says of the server as a whole. */
const DOCUMENT = {
  openapi: "3.1.0",
  info: {
    title: "deepcache",
    version: VERSION,
    description: "Images from diffusion models: OpenAI's interface, AUTOMATIC1111's, and jobs.",
  },
} as const;

/** The whole server as one app of Hono's. */
export function serverApp(context: ServerContext, options: AppOptions): App {
  const { authenticate, log, cors, hosts, pages = {} } = options;
  const app = new OpenAPIHono();
  /** The patterns of paths: whatever else is asked for is counted together, so that nobody can make metrics grow. */
  const routes = once(() => new Set(Object.keys(app.getOpenAPI31Document(DOCUMENT).paths ?? {})));
  app.use(async (c, next) => {
    const begin = performance.now();
    const { method, url } = c.req.raw;
    const { pathname } = new URL(url);
    const id = crypto.randomUUID();
    let allowed: OriginHeaders = {};
    try {
      allowed = checkOrigin(c.req.raw, { cors, hosts });
      if (method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined) {
        c.res = preflight(allowed);
        return;
      }
      if (!isOpen(pathname) && !Object.hasOwn(pages, pathname))
        c.set("owner" as never, (await authenticate(c.req.raw)) as never);
      await next();
    } catch (error) {
      c.res = answerTo(error, pathname);
    }
    const always = { "x-request-id": id, "x-content-type-options": "nosniff" };
    for (const [name, value] of Object.entries({ ...allowed, ...always })) c.res.headers.set(name, value);
    const seconds = (performance.now() - begin) / 1000;
    context.metrics.answered(routes().has(routeOf(pathname)) ? routeOf(pathname) : "other", c.res.status, seconds);
    log.info({ id, method, path: pathname.slice(0, 200), status: c.res.status, seconds }, "answered");
  });
  app.onError((error, c) => {
    const refusal = refusalOf(error);
    if (refusal.status >= 500 && !(error instanceof Refusal)) log.error({ err: error }, "failed");
    return answerTo(error, new URL(c.req.url).pathname);
  });
  app.notFound((c) => {
    const { pathname } = new URL(c.req.url);
    const shown = JSON.stringify(`${c.req.method} ${pathname.slice(0, 100)}`);
    return answerTo(new Refusal(404, "not_found", `Cannot answer ${shown}: there is no such route`), pathname);
  });
  addOpenAi(app, context);
  addAutomatic1111(app, context);
  addJobs(app, context);
  addOperations(app, context, options);
  addPages(app, pages);
  app.get("/openapi.json", (c) => c.json(openApiDocument(app)));
  return app;
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** The OpenAPI page of an app. */
export const openApiDocument = (app: App): object => app.getOpenAPI31Document(DOCUMENT);

/** The answer to a request that fails, in the form of the interface that was called. */
function answerTo(error: unknown, path: string): Response {
  const refusal = refusalOf(error);
  const { status, code, message, headers } = refusal;
  const body = path.startsWith("/sdapi/")
    ? { error: code, detail: message, body: "", errors: message }
    : openAiError(refusal);
  return Response.json(body, { status, headers });
}

/** A path with the names of what differs from request to request, as routes have them. */
const routeOf = (path: string): string =>
  path
    .replace(/^\/jobs\/[^/]+/, "/jobs/{id}")
    .replace(/^\/models\/[^/]+/, "/models/{name}")
    .replace(/^\/files\/[^/]+/, "/files/{name}")
    .replace(/^\/v1\/models\/[^/]+/, "/v1/models/{model}");
