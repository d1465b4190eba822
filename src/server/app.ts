import { OpenAPIHono } from "@hono/zod-openapi";
import { VERSION } from "../pipelines/version.ts";
import { addAutomatic1111 } from "./automatic1111/routes.ts";
import type { Log, ServerContext } from "./context.ts";
import type { Authenticate } from "./guard/authenticate.ts";
import { checkOrigin, type OriginOptions, preflight } from "./guard/origins.ts";
import { addJobs } from "./jobs/routes.ts";
import { openAiError } from "./openai/errors.ts";
import { addOpenAi } from "./openai/routes.ts";
import { addOperations, isOpen, type Operations } from "./operations/routes.ts";
import { Refusal, refusalOf } from "./refusal.ts";
import type { App } from "./route.ts";

/** What an app is put together from. */
export interface AppOptions extends OriginOptions, Operations {
  readonly authenticate: Authenticate;
  readonly log: Log;
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
  const { authenticate, log, cors, hosts } = options;
  const app = new OpenAPIHono();
  app.use(async (c, next) => {
    const begin = performance.now();
    const { method, url } = c.req.raw;
    const { pathname } = new URL(url);
    const id = crypto.randomUUID();
    try {
      const allowed = checkOrigin(c.req.raw, { cors, hosts });
      if (method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined) {
        c.res = preflight(allowed);
        return;
      }
      if (!isOpen(pathname)) c.set("owner" as never, (await authenticate(c.req.raw)) as never);
      await next();
      for (const [name, value] of Object.entries(allowed)) c.res.headers.set(name, value);
    } catch (error) {
      c.res = answerTo(error, pathname);
    }
    c.res.headers.set("x-request-id", id);
    const seconds = (performance.now() - begin) / 1000;
    const route = c.res.status === 404 ? "other" : routeOf(pathname);
    context.metrics.answered(route, c.res.status, seconds);
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
  app.get("/openapi.json", (c) => c.json(openApiDocument(app)));
  return app;
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

/** A path without what differs from request to request, so that metrics stay few. */
const routeOf = (path: string): string => path.replace(/^\/(jobs|files|v1\/models)\/[^/]+/, "/$1/{id}");
