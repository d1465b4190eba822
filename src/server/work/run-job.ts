import type { ServerContext } from "../context.ts";
import { checkLimits } from "../guard/limits.ts";
import type { JobEvent, JobRequest, JobResult } from "../queue/job.ts";
import { Refusal } from "../refusal.ts";

/** How a job is waited for. */
export interface AwaitOptions {
  /** Of the client: the job is cancelled where it goes away. */
  readonly signal: AbortSignal;
  /** Told the job's id before anything else. */
  readonly onId?: ((id: string) => void) | undefined;
}

/** Puts a job into the queue, within the server's limits, and gives its id. */
export async function submit({ queue, limits }: ServerContext, request: JobRequest): Promise<string> {
  checkLimits(request, limits);
  return await queue.submit(request);
}

/** The events of a job of one's own up to its result; it is cancelled where the loop is left, and let go of. */
export async function* jobEvents(
  context: ServerContext,
  request: JobRequest,
  { signal, onId }: AwaitOptions,
): AsyncGenerator<JobEvent> {
  const { queue } = context;
  signal.throwIfAborted();
  const id = await submit(context, request);
  onId?.(id);
  try {
    for await (const { event } of queue.events(id, { signal })) {
      if (event.type === "failed") throw new Refusal(event.failure.status, event.failure.code, event.failure.message);
      if (event.type === "cancelled") throw cancelled();
      yield event;
      if (event.type === "done") return;
    }
    throw gone();
  } finally {
    await letGo(queue, id).catch(() => {}); // the answer is not worse for it
  }
}

/** Ends a job where it has not ended, and forgets it. */
async function letGo(queue: ServerContext["queue"], id: string): Promise<void> {
  await queue.cancel(id);
  await queue.forget(id);
}

/** The result of a job of one's own. */
export async function runJob(context: ServerContext, request: JobRequest, options: AwaitOptions): Promise<JobResult> {
  for await (const event of jobEvents(context, request, options)) {
    if (event.type === "done") return event.result;
  }
  throw cancelled();
}

/** Said to nobody, but counted. */
const gone = (): Refusal => new Refusal(499, "client_gone", "Cannot answer: the client has gone away");

/** The job was ended by somebody else, or the server gives it back as it shuts down. */
const cancelled = (): Refusal => new Refusal(503, "cancelled", "Cannot finish: the job was cancelled");
