import { type OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { LIMITS } from "../errors/limits.ts";
import { Refusal } from "./refusal.ts";

/** The part of a server's app that routes are added to. */
export type App = OpenAPIHono;

/** How an interface words its errors. */
export type ErrorForm = (refusal: Refusal) => Response;

/** A route with what the OpenAPI page says of it. */
export interface Route extends Omit<RouteConfig, "responses"> {
  /** What the answer is. */
  readonly gives: string;
  /** Of the answer; JSON where left out. */
  readonly type?: string;
}

/** Adds a route to an app and to its OpenAPI page. */
export function addRoute(
  app: App,
  { gives, type = "application/json", ...route }: Route,
  handle: (context: Context) => Promise<Response> | Response,
): void {
  const responses = {
    200: { description: gives, content: { [type]: { schema: z.unknown() } } },
    "4XX": { description: "What is wrong with the request, in one sentence" },
  };
  app.openAPIRegistry.registerPath({ ...route, responses } as RouteConfig);
  const path = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
  app.on(route.method.toUpperCase(), [path], handle);
}

/** What `value` is by `schema`, or a refusal that names the first field that is wrong. */
export function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new Refusal(
    400,
    "option_invalid",
    `Cannot use ${field === "" ? "the request" : `"${field.slice(0, 60)}"`}: ${sentence(issue?.message ?? "it is invalid")}`,
    { field: field === "" ? undefined : field } as { field?: string },
  );
}

/** How urgent a request is, beside others that wait; below 0 what may wait longer. */
export const priority = z
  .int()
  .min(-LIMITS.server.priority.most)
  .openapi({ description: "Jobs of a higher one come first; from -10 to 10, 0 where left out" });

const sentence = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1, 200);

/** The body of a JSON request, for the OpenAPI page. */
export const jsonBody = (schema: z.ZodType): NonNullable<Route["request"]> => ({
  body: { required: true, content: { "application/json": { schema } } },
});
