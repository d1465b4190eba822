import type { JsonValue } from "../image-model.ts";
import type { Made, Maker, MakerContext, MakerOptions } from "../maker.ts";
import { apiCallError } from "./api-call-error.ts";

/** Where a server of deepcache is, and how it is asked. */
export interface RemoteOptions {
  /** Such as `http://127.0.0.1:7860`. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** In place of the global one. */
  readonly fetch?: typeof fetch | undefined;
}

interface JobAnswer {
  readonly id: string;
  readonly state: string;
  readonly result?: {
    readonly images: readonly { readonly base64: string; readonly seed: number; readonly parameters: string }[];
    readonly warnings: readonly string[];
    readonly [field: string]: unknown;
  };
  readonly error?: { readonly status: number; readonly message: string };
}

const SUMMARY = ["sampler", "steps", "evaluations", "fullEvaluations", "speedup", "seconds"] as const;

/** Makes images on a server, through its interface of jobs; a job is ended where the call is. */
export function remoteMaker(model: string | undefined, remote: RemoteOptions): Maker {
  const { url, apiKey, fetch: ask = fetch } = remote;
  const base = url.replace(/\/+$/, "");
  const request = async (
    path: string,
    init: RequestInit,
    { headers = {}, signal }: MakerContext,
  ): Promise<Response> => {
    const given = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const authorization = apiKey === undefined ? [] : [["authorization", `Bearer ${apiKey}`] as const];
    const sent = {
      ...init,
      headers: [["content-type", "application/json"], ...authorization, ...given] as [string, string][],
    };
    const response = await ask(base + path, signal === undefined ? sent : { ...sent, signal });
    if (response.ok) return response;
    throw await apiCallError(base + path, response);
  };
  return {
    async make(options, context) {
      const body = JSON.stringify({ model, options: withBase64(options) });
      const response = await request("/jobs", { method: "POST", body }, context);
      const { id } = (await response.json()) as JobAnswer;
      const forget = () => request(`/jobs/${id}`, { method: "DELETE" }, { headers: context.headers });
      try {
        const events = await request(`/jobs/${id}/events`, {}, context);
        await events.text(); // the last event is that the job has ended
        const job = (await (await request(`/jobs/${id}`, {}, context)).json()) as JobAnswer;
        return madeOf(job, base, Object.fromEntries(response.headers));
      } finally {
        await forget().catch(() => {});
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

function madeOf({ result, error, state }: JobAnswer, url: string, headers: Record<string, string>): Made {
  if (result === undefined) {
    const { status = 503, message = `Cannot make images: the server's job is ${state}` } = error ?? {};
    throw apiCallError(url, { status, message });
  }
  const pictures = result.images.map(({ base64, seed, parameters }) => ({
    png: Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)),
    ...{ seed, parameters },
  }));
  const summary = Object.fromEntries(SUMMARY.map((name) => [name, (result[name] ?? null) as JsonValue]));
  return { pictures, warnings: result.warnings, summary, headers };
}

/** Bytes as JSON has them. */
const withBase64 = (options: MakerOptions): MakerOptions =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, value instanceof Uint8Array ? base64(value) : value]),
  );

function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let i = 0; i < bytes.length; i += 0x8000) pieces.push(String.fromCharCode(...bytes.subarray(i, i + 0x8000)));
  return btoa(pieces.join(""));
}
