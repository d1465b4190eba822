import { Refusal } from "../refusal.ts";

/** Which pages of browsers may use a server, and under which names it is reached. */
export interface OriginOptions {
  /** Origins such as `https://example.com` whose pages may; "*" for all. */
  readonly cors?: readonly string[] | undefined;
  /** Names of hosts that requests may name; any where left out. A page of a stranger whose name leads here is kept out so. */
  readonly hosts?: readonly string[] | undefined;
}

/** Headers of an answer for a page that may read it. */
export type OriginHeaders = Readonly<Record<string, string>>;

/** Refuses requests that pages of others make; gives the headers with which those that are allowed are answered. */
export function checkOrigin(request: Request, { cors = [], hosts }: OriginOptions): OriginHeaders {
  const { host, hostname } = new URL(request.url);
  if (hosts !== undefined && !hosts.includes(hostname.toLowerCase())) {
    throw new Refusal(421, "unknown_host", `Cannot answer for the host ${JSON.stringify(hostname.slice(0, 100))}`);
  }
  const origin = request.headers.get("origin");
  if (origin === null) return {}; // no page of a browser
  if (cors.includes("*")) return { "access-control-allow-origin": "*" };
  if (cors.includes(origin)) return { "access-control-allow-origin": origin, vary: "Origin" };
  if (isOwn(origin, host)) return {};
  throw new Refusal(
    403,
    "origin_refused",
    `Cannot answer pages of ${JSON.stringify(origin.slice(0, 100))}: only those that --cors names may ask`,
  );
}

function isOwn(origin: string, host: string): boolean {
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

/** What a browser asks before a request with a key or JSON. */
export const preflight = (headers: OriginHeaders): Response =>
  new Response(null, {
    status: 204,
    headers: {
      ...headers,
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID, X-API-Key",
      "access-control-max-age": "600",
    },
  });
