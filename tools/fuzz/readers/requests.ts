import { fileURLToPath } from "node:url";
import type { LoadOptions, Runtime, Session } from "../../../src/runtime/runtime.ts";
import { serverApp } from "../../../src/server/app.ts";
import type { ServerContext } from "../../../src/server/context.ts";
import { REQUEST_LIMITS } from "../../../src/server/guard/limits.ts";
import { catalogue } from "../../../src/server/models/catalogue.ts";
import { metrics } from "../../../src/server/operations/metrics.ts";
import { memoryStore } from "../../../src/server/pictures/stores/memory.ts";
import type { JobResult } from "../../../src/server/queue/job.ts";
import { inProcessQueue } from "../../../src/server/queue/queues/in-process.ts";
import { worker } from "../../../src/server/work/worker.ts";
import { Lie, parted, type Reader } from "../reader.ts";

const FIXTURES = fileURLToPath(new URL("../../../tests/fixtures", import.meta.url));

/** Thrown in place of loading a network: whoever comes so far has asked for what can be made. */
class Loading extends Error {}

const runtime: Runtime = {
  device: "none",
  copies: false,
  async load(_graph: unknown, _options?: LoadOptions): Promise<Session> {
    throw new Loading("Cannot load: nothing is run here");
  },
};

const MADE: JobResult = {
  ...{ model: "tiny", pictures: [], sampler: "euler", steps: 1, policy: { kind: "off" }, evaluations: 1 },
  ...{ fullEvaluations: 1, speedup: 1, warnings: [] },
  seconds: { load: 0, encode: 0, denoise: 0, decode: 0, total: 0 },
};

const isLoading = (error: unknown): boolean =>
  error instanceof Loading || (error instanceof Error && error.cause !== undefined && isLoading(error.cause));

/** A server of a tiny model that runs nothing. */
function openApp() {
  const model = { path: `${FIXTURES}/pipelines/sd15/model`, thread: "caller", runtime } as const;
  const models = catalogue({ tiny: model });
  const work = worker(models);
  const failures: unknown[] = [];
  const queue = inProcessQueue({
    async work(request, context) {
      try {
        return await work(request, context);
      } catch (error) {
        if (isLoading(error)) return MADE;
        throw error;
      }
    },
    onFailure: (_, error) => failures.push(error),
  });
  const adapters = `${FIXTURES}/adapters/sd15`;
  const context: ServerContext = {
    ...{ models, queue, pictures: memoryStore({}), metrics: metrics(queue), limits: REQUEST_LIMITS, now: () => 0 },
    loras: { style: `${adapters}/kohya.safetensors` },
    embeddings: { toy: `${adapters}/learned_embeds.safetensors` },
  };
  const log = { info: () => {}, error: ({ err }: { readonly err?: unknown }) => void failures.push(err) };
  const app = serverApp(context, { authenticate: async () => "everybody", log, ready: () => true, cors: [] });
  return { app, queue, failures };
}

let opened: ReturnType<typeof openApp> | undefined;

async function ask(bytes: Uint8Array): Promise<void> {
  opened ??= openApp();
  const { app, queue, failures } = opened;
  const [head, body] = parted(bytes);
  const [method = "", path = "", ...type] = head.split(" ");
  failures.length = 0;
  const request = new Request(`http://server${path}`, {
    ...{ method, headers: { "content-type": type.join(" ") }, body: new Uint8Array(body) },
  });
  const response = await app.fetch(request);
  const answer = await response.text();
  const id = response.status === 202 ? String((JSON.parse(answer) as { readonly id?: unknown }).id) : undefined;
  if (id !== undefined) for await (const _ of queue.events(id));
  const failure = id === undefined ? undefined : (await queue.find(id))?.failure;
  const said = failure?.message ?? (response.ok ? undefined : messageIn(answer));
  const status = failure?.status ?? response.status;
  const [cause] = failures;
  if (status >= 500) throw new Lie(`${head}: ${status} ${answer.slice(0, 200)} <- ${String(cause).slice(0, 300)}`);
  if (said !== undefined && !/^(Cannot|No option of|No sampler) /.test(said))
    throw new Lie(`${head}: ${status} "${said.slice(0, 200)}"`);
  if ((said?.length ?? 0) > 1000) throw new Lie(`${head}: ${status} with a message of ${said?.length} characters`);
}

function messageIn(answer: string): string {
  const { error, detail } = JSON.parse(answer) as {
    readonly error?: { readonly message?: unknown };
    readonly detail?: unknown;
  };
  return String(detail ?? error?.message);
}

/** Everything that reads what clients send. */
export const REQUEST_READERS = { request: ask } as const satisfies Readonly<Record<string, Reader>>;
