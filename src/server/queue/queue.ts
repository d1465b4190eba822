import type { JobEvent, JobRequest, JobResult, JobView, NumberedEvent } from "./job.ts";

/** Does a job: tells what happens, ends where the signal is aborted, gives the result. */
export type Work<Result = JobResult> = (request: JobRequest, context: WorkContext) => Promise<Result>;

/** What a job is worked on with. */
export interface WorkContext {
  readonly signal: AbortSignal;
  tell(event: JobEvent): void;
}

/** Which events of a job are told. */
export interface EventsOptions {
  /** Those with higher numbers; all where left out. */
  readonly after?: number | undefined;
  /** Ends the waiting for more; the job goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** Jobs before the pipelines: taken in the order in which they come, each done once. */
export interface JobQueue<Result = JobResult> extends AsyncDisposable {
  /** Takes a job and gives its id; refused where too many wait, or where the queue has been closed. */
  submit(request: JobRequest): Promise<string>;
  find(id: string): Promise<JobView<Result> | undefined>;
  /** Events from the first that is kept to the last of the job; of previews, only the newest is kept. */
  events(id: string, options?: EventsOptions): AsyncIterable<NumberedEvent<Result>>;
  /** Ends a job that waits or runs; whether there was one. */
  cancel(id: string): Promise<boolean>;
  /** Lets go of what a job has made, after its end. */
  forget(id: string): Promise<void>;
  counts(): Promise<{ readonly waiting: number; readonly running: number }>;
  /** Takes no more jobs and gives up those that wait; resolves when what runs has ended, or is ended by the signal. */
  close(signal?: AbortSignal): Promise<void>;
}
