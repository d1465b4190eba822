import { openApiDocument, serverApp } from "./app.ts";
import type { Log, ServerContext } from "./context.ts";
import { authenticate } from "./guard/authenticate.ts";
import { REQUEST_LIMITS, type RequestLimits } from "./guard/limits.ts";
import { catalogue } from "./models/catalogue.ts";
import type { ModelSource } from "./models/models.ts";
import { sweep } from "./objects/expiring-names.ts";
import { JOBS, type ObjectStore, PICTURES } from "./objects/object-store.ts";
import { type Metrics, metrics } from "./operations/metrics.ts";
import type { Server, ServerOptions, Sources } from "./options.ts";
import { memoryStore } from "./pictures/stores/memory.ts";
import { sharedStore } from "./pictures/stores/shared.ts";
import type { JobEvent, JobRequest } from "./queue/job.ts";
import type { Work } from "./queue/queue.ts";
import { inProcessQueue } from "./queue/queues/in-process.ts";
import type { Shared } from "./queue/shared.ts";
import { worker } from "./work/worker.ts";

const SILENT: Log = { info: () => {}, error: () => {} };

/** Puts a server together: models, the queue before them, and the routes. */
export function openServer(sources: Sources, options: ServerOptions, shared?: Shared): Server {
  const { log = SILENT, limits: asked, maxQueue, apiKey = [], cors = [], hosts, loras = {}, embeddings = {} } = options;
  const keys = [apiKey].flat();
  // Those who share a server do not go before one another, unless they are told that they may.
  const fair = keys.length > 1 ? { priority: 0 } : {};
  const limits = { ...REQUEST_LIMITS, ...fair, ...asked, ...(maxQueue === undefined ? {} : { waiting: maxQueue }) };
  let told: Metrics | undefined;
  const { queue, models } =
    shared ??
    ownQueue(sources, { ...options, log, limits }, keys.length, (model, event) => told?.observe(model, event));
  told = metrics(queue);
  const objects = shared?.objects ?? options.store;
  const kept = { folder: options.outputDir };
  const pictures = objects === undefined ? memoryStore(kept) : sharedStore(objects, kept);
  const sweeping = options.store && sweepAtTimes(options.store, log);
  const context: ServerContext = { models, queue, pictures, metrics: told, limits, loras, embeddings, now: Date.now };
  let closing = false;
  const app = serverApp(context, {
    ...{ hosts, log, cors: [cors].flat(), pages: options.pages },
    authenticate: authenticate(keys),
    ready: () => !closing,
  });
  return {
    answer: async (request) => await app.fetch(request),
    openApi: () => openApiDocument(app),
    async close(signal) {
      closing = true;
      clearInterval(sweeping);
      await queue.close(signal);
      await queue[Symbol.asyncDispose]();
      await models[Symbol.asyncDispose]();
    },
  };
}

/** Milliseconds between two looks for files that are kept no more. */
const SWEEPS = 10 * 60_000;

/** Removes what is kept no more, now and from time to time. */
function sweepAtTimes(store: ObjectStore, log: Log): ReturnType<typeof setInterval> {
  const look = async (): Promise<void> => {
    for (const folder of [PICTURES, JOBS]) await sweep(store, folder, Date.now());
  };
  const lookOrLog = (): void => void look().catch((error: unknown) => log.error({ err: error }, "store failed"));
  lookOrLog();
  const timer = setInterval(lookOrLog, SWEEPS);
  timer.unref?.();
  return timer;
}

/** The queue of a server that runs its models itself. */
function ownQueue(
  sources: Sources,
  { log, limits, memory, rate, logPrompts }: ServerOptions & { readonly log: Log; readonly limits: RequestLimits },
  keys: number,
  observe: Metrics["observe"],
): Omit<Shared, "objects"> {
  const models = catalogue(named(sources), {
    memory,
    onChange: (model, change) => log.info({ model }, `model ${change}`),
  });
  const queue = inProcessQueue({
    work: observed(worker(models), {
      onBegin({ model, options: { prompt } }) {
        if (logPrompts === true) log.info({ model, prompt }, "job");
      },
      onEvent: observe,
    }),
    waiting: limits.waiting,
    perMinute: rate,
    waitingBytes: limits.waitingBytes,
    keptBytes: limits.keptBytes,
    waitingOfOne: keys > 1 ? Math.min(limits.waiting, limits.waitingOfOne) : limits.waiting,
    onFailure: (job, error) => log.error({ job, err: error }, "job failed"),
    onEnd: observe,
  });
  return { queue, models };
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
