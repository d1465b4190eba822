import { VERSION } from "../../pipelines/version.ts";
import type { ServerContext } from "../context.ts";
import { PICTURE_NAME } from "../pictures/store.ts";
import { Refusal } from "../refusal.ts";
import { type App, addRoute } from "../route.ts";

const tags = ["Operations"];

/** What those who run a server ask of it. */
export interface Operations {
  /** Whether it takes jobs. */
  readonly ready: () => boolean;
}

/** Paths that need no key: they tell nothing, or what only who was told their address finds. */
export const isOpen = (path: string): boolean =>
  path === "/health" || path === "/ready" || (path.startsWith("/files/") && PICTURE_NAME.test(path.slice(7)));

/** Adds health, readiness, metrics, files by address and the OpenAPI page. */
export function addOperations(app: App, context: ServerContext, { ready }: Operations): void {
  const { models, queue, metrics, pictures } = context;
  addRoute(app, { method: "get", path: "/health", tags, summary: "Whether the server answers", gives: "`ok`" }, (c) =>
    c.json({ status: "ok", version: VERSION }),
  );
  addRoute(
    app,
    {
      method: "get",
      path: "/ready",
      tags,
      summary: "Whether it takes jobs; 503 where it shuts down",
      gives: "The queue",
    },
    async (c) => {
      if (!ready()) throw new Refusal(503, "shutting_down", "Cannot take jobs: the server is shutting down");
      return c.json({ status: "ready", ...(await queue.counts()), models: models.list() });
    },
  );
  addRoute(
    app,
    { method: "get", path: "/metrics", tags, type: "text/plain", summary: "For Prometheus", gives: "Metrics" },
    async (c) => c.body(await metrics.text(), 200, { "content-type": metrics.contentType }),
  );
  addRoute(
    app,
    {
      ...{ method: "get", path: "/files/{name}", tags, type: "image/*" },
      summary: "A picture that was answered by address, for an hour",
      gives: "Its file",
    },
    async (c) => {
      const found = await pictures.find(c.req.param("name") ?? "");
      if (found === undefined) {
        throw new Refusal(
          404,
          "file_not_found",
          "Cannot find the file: it is older than an hour, or there never was one",
        );
      }
      return c.body(found.bytes, 200, { "content-type": found.type, "x-content-type-options": "nosniff" });
    },
  );
}
