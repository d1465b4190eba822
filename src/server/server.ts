import { openApiDocument, serverApp } from "./app.ts";
import type { Log, ServerContext } from "./context.ts";
import { authenticate } from "./guard/authenticate.ts";
import { REQUEST_LIMITS } from "./guard/limits.ts";
import { catalogue } from "./models/catalogue.ts";
import type { ModelSource } from "./models/models.ts";
import { type Metrics, metrics } from "./operations/metrics.ts";
import type { Server, ServerOptions, Sources } from "./options.ts";
import { memoryStore } from "./pictures/stores/memory.ts";
import type { JobEvent, JobRequest } from "./queue/job.ts";
import type { Work } from "./queue/queue.ts";
import { inProcessQueue } from "./queue/queues/in-process.ts";
import { worker } from "./work/worker.ts";

const SILENT: Log = { info: () => {}, error: () => {} };

/** Puts a server together: models, the queue before them, and the routes. */
export function openServer(sources: Sources, options: ServerOptions): Server {
  const {
    log = SILENT,
    limits: asked,
    memory,
    maxQueue,
    apiKey = [],
    cors = [],
    hosts,
    loras = {},
    embeddings = [],
  } = options;
  const keys = [apiKey].flat();
  const limits = { ...REQUEST_LIMITS, ...asked, ...(maxQueue === undefined ? {} : { waiting: maxQueue }) };
  const models = catalogue(named(sources), {
    memory,
    onChange: (model, change) => log.info({ model }, `model ${change}`),
  });
  let told: Metrics | undefined;
  const queue = inProcessQueue({
    work: observed(worker(models), {
      onBegin({ model, options: { prompt } }) {
        if (options.logPrompts === true) log.info({ model, prompt }, "job");
      },
      onEvent: (model, event) => told?.observe(model, event),
    }),
    waiting: limits.waiting,
    waitingBytes: limits.waitingBytes,
    keptBytes: limits.keptBytes,
    waitingOfOne: keys.length > 1 ? Math.min(limits.waiting, limits.waitingOfOne) : limits.waiting,
    onFailure: (job, error) => log.error({ job, err: error }, "job failed"),
    onEnd: (model, event) => told?.observe(model, event),
  });
  told = metrics(queue);
  const pictures = memoryStore({ folder: options.outputDir });
  const context: ServerContext = { models, queue, pictures, metrics: told, limits, loras, embeddings, now: Date.now };
  let closing = false;
  const app = serverApp(context, {
    ...{ hosts, log, cors: [cors].flat() },
    authenticate: authenticate(keys),
    ready: () => !closing,
  });
  return {
    answer: async (request) => await app.fetch(request),
    openApi: () => openApiDocument(app),
    async close(signal) {
      closing = true;
      await queue.close(signal);
      await models[Symbol.asyncDispose]();
    },
  };
}

/** One model that is open is served by its own name. */
const named = (sources: Sources): Readonly<Record<string, ModelSource>> =>
  typeof sources === "function" ? { [sources.model.name]: sources } : sources;

interface Ears {
  onBegin(request: JobRequest): void;
  onEvent(model: string, event: JobEvent): void;
}

/** `work` with ears for what it does. */
const observed =
  (work: Work, { onBegin, onEvent }: Ears): Work =>
  (request, { signal, tell }) => {
    onBegin(request);
    return work(request, {
      signal,
      tell(event) {
        onEvent(request.model, event);
        tell(event);
      },
    });
  };
