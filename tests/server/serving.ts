import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { handler } from "../../src/server/handler.ts";
import type { ServerOptions, Sources } from "../../src/server/options.ts";
import { fixturePath } from "../support/fixtures.ts";

/** A server on a free port of this machine. */
export interface Serving extends AsyncDisposable {
  readonly url: string;
  close(signal?: AbortSignal): Promise<void>;
}

/** A tiny model with random weights: what it makes is quick to make, and nothing to look at. */
export const MODEL = fixturePath("pipelines/sd15/model");

/** Without a thread of its own, which would have to translate all sources once more. */
const HERE = { path: MODEL, thread: "caller" } as const;

/** The tiny model by the name "tiny". */
export const TINY: Sources = { tiny: HERE };

/** The tiny model by the name "scenes". */
export const SCENES: Sources = { scenes: HERE };

/** Serves `models` until it is disposed of. */
export async function serving(models: Sources = SCENES, options: ServerOptions = {}): Promise<Serving> {
  const answer = handler(models, options);
  await answer.ready;
  const server = serve({ fetch: answer, port: 0, hostname: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: answer.close,
    async [Symbol.asyncDispose]() {
      await answer[Symbol.asyncDispose]();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The JSON of a request, and how it was answered. */
export async function call(
  url: string,
  path: string,
  body?: unknown,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: Record<string, never> }> {
  const headers = { ...(body === undefined ? {} : { "content-type": "application/json" }), ...init.headers };
  const sent =
    body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await fetch(new URL(path, url), { ...sent, ...init, headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, never> };
}

/** Everything that `values` gives; Node 20 has no `Array.fromAsync`. */
export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const given: T[] = [];
  for await (const value of values) given.push(value);
  return given;
}

/** A server-sent event. */
export interface EventRead {
  readonly event: string;
  readonly id: number;
  readonly data: object;
}

/** The events of a stream up to its end. */
export async function* events(url: string, headers: Readonly<Record<string, string>> = {}): AsyncGenerator<EventRead> {
  const controller = new AbortController();
  const response = await fetch(url, { headers, signal: controller.signal });
  try {
    let text = "";
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const fields = Object.fromEntries(
          part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
        );
        if (fields["data"] === undefined) continue;
        yield { event: fields["event"] ?? "", id: Number(fields["id"]), data: JSON.parse(fields["data"]) as object };
      }
    }
  } finally {
    controller.abort();
  }
}
