import { deviceText } from "./device-text.ts";
import {
  type Doctor,
  type Engine,
  EngineError,
  type Job,
  type ModelPlace,
  type OpenEvent,
  type OpenedModel,
  type Picture,
  type RunEvent,
  type RunResult,
} from "./engine.ts";
import { serverEvents } from "./event-source.ts";

/** What a server is reached by. */
export interface ServerOptions {
  /** Where it answers; the page's own place where left out. */
  readonly url?: string;
  /** What servers with keys ask for. */
  readonly key?: (() => string | undefined) | undefined;
  readonly fetch?: typeof fetch;
}

interface Ready {
  readonly models: readonly { readonly name: string }[];
}

/** The server at `url` as an engine, or nothing where none answers. */
export async function findServer(options: ServerOptions = {}): Promise<Engine | undefined> {
  const { url = location.href, fetch: ask = (...args) => fetch(...args) } = options;
  try {
    const response = await ask(new URL("/health", url), { signal: AbortSignal.timeout(4000) });
    const { status, version } = (await response.json()) as { status?: unknown; version?: unknown };
    return status === "ok" && typeof version === "string" ? serverEngine({ ...options, url }, version) : undefined;
  } catch {
    return undefined;
  }
}

function serverEngine({ url = "", key = () => undefined, fetch: ask = fetch }: ServerOptions, version: string): Engine {
  const host = new URL(url).host;
  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const given = key();
    const headers = {
      ...(init.headers as object),
      ...(given === undefined ? {} : { authorization: `Bearer ${given}` }),
    };
    let response: Response;
    try {
      response = await ask(new URL(path, url), { ...init, headers });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new EngineError(`Cannot reach the server at ${host}: start it again with "deepcache serve"`, {
        code: "unreachable",
        cause,
      });
    }
    if (!response.ok) throw await refusal(response);
    return response;
  };
  /** What the last model that was opened runs on. */
  let computes = "";
  const json = async (path: string, init?: RequestInit): Promise<unknown> => (await request(path, init)).json();

  async function* run({ model, options, variants }: Job, signal?: AbortSignal): AsyncGenerator<RunEvent> {
    const body = JSON.stringify({ model, options, variants });
    const headers = { "content-type": "application/json" };
    const { id } = (await json("/jobs", { method: "POST", body, headers })) as { id: string };
    // Ends it, or lets go of its pictures.
    const letGo = (): Promise<unknown> => request(`/jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
    globalThis.addEventListener("pagehide", letGo);
    try {
      const { body: events } = await request(`/jobs/${id}/events`, { signal: signal ?? null });
      if (events === null) throw new EngineError("Cannot follow the run: the server sent nothing");
      for await (const { event, data } of serverEvents(events)) {
        yield* told(event, data as Told);
        if (event === "done") return;
      }
      throw new EngineError(`Cannot follow the run: the connection to ${host} was cut`, { code: "unreachable" });
    } finally {
      globalThis.removeEventListener("pagehide", letGo);
      await letGo();
    }
  }

  return {
    place: { kind: "server", says: isLocal(host) ? "this computer" : host },
    async describe(): Promise<Doctor> {
      const { models } = (await json("/ready")) as Ready;
      const names = models.map(({ name }) => name);
      return {
        models: names,
        lines: [
          { name: "Runs on", value: `${computes}${host}, deepcache ${version}` },
          { name: "Models", value: names.join(", ") },
          { name: "Kept in this browser", value: "the pictures of your history, nothing else" },
          { name: "Leaves this page", value: `your prompts and settings, to ${host} alone` },
        ],
      };
    },
    async *open(model: ModelPlace): AsyncGenerator<OpenEvent> {
      if (model.kind !== "named") {
        throw new EngineError(
          `Cannot open "${model.name}" here: the server has its own models; start it with "deepcache serve --model PATH"`,
        );
      }
      yield { type: "step", says: "Asking the server about the model" };
      const opened = await describedModel(model.name, json);
      computes = opened.device === undefined ? "" : `${deviceText(opened.device, opened.threads)}, `;
      yield { type: "opened", model: opened };
    },
    run,
    async release() {},
  };
}

async function describedModel(name: string, json: (path: string) => Promise<unknown>): Promise<OpenedModel> {
  try {
    return (await json(`/models/${encodeURIComponent(name)}`)) as OpenedModel;
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "not_described") throw error;
    // Its workers have the model: what it takes comes to light with the first run.
    return { name, width: 512, height: 512, multipleOf: 8, samplers: [], options: [], branches: [] };
  }
}

const isLocal = (host: string): boolean => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host);

async function refusal(response: Response): Promise<EngineError> {
  const { error } = Object(await response.json().catch(() => undefined)) as {
    readonly error?: { readonly message?: string; readonly code?: string };
  };
  const message = error?.message ?? `Cannot use the server's answer: its status is ${response.status}`;
  return new EngineError(message, { code: error?.code ?? (response.status === 401 ? "invalid_api_key" : undefined) });
}

interface Told {
  readonly lane?: number;
  readonly position: number;
  readonly phase: string;
  readonly message: string;
  readonly evaluation: number;
  readonly evaluations: number;
  readonly full: boolean;
  readonly seconds: number;
  readonly images: readonly string[];
  readonly error?: { readonly message: string; readonly code: string };
  readonly result: { readonly lanes: readonly SentLane[] };
}

interface SentLane extends Omit<RunResult, "full"> {
  readonly full: readonly number[];
  readonly images: readonly (Omit<Picture, "png"> & { readonly base64: string })[];
}

const PHASES: Readonly<Record<string, string>> = {
  encode: "Reading the prompt",
  load: "Loading the network",
  decode: "Decoding",
};

function* told(event: string, data: Told): Generator<RunEvent> {
  const { lane = 0 } = data;
  switch (event) {
    case "waiting":
      return yield { type: "waiting", position: data.position };
    case "phase": {
      const says = PHASES[data.phase];
      if (says !== undefined) yield { type: "step", says };
      return;
    }
    case "warning":
      return yield { type: "warning", message: data.message };
    case "evaluation": {
      const { evaluation, evaluations, full, seconds } = data;
      return yield { type: "evaluation", lane, evaluation, evaluations, full, seconds };
    }
    case "preview": {
      const [image] = data.images;
      if (image !== undefined) yield { type: "preview", lane, png: bytesOf(image) };
      return;
    }
    case "done":
      for (const [i, { images, ...result }] of data.result.lanes.entries()) {
        const [image] = images;
        if (image === undefined) continue;
        const { base64, ...picture } = image;
        yield { type: "result", lane: i, picture: { ...picture, png: bytesOf(base64) }, result };
      }
      return;
    case "failed":
    case "error":
      throw new EngineError(data.error?.message ?? "Cannot finish the run: the server does not say why", {
        code: data.error?.code,
      });
    case "cancelled":
      throw new DOMException("The run was stopped", "AbortError");
  }
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
