import type { ServerContext } from "../context.ts";
import { base64 } from "../pictures/encode.ts";

/** Requests of AUTOMATIC1111's that are being worked on: clients ask for the progress of "the" job, and end it. */
export interface RunningRequests {
  /** Notes a request; disposing of it forgets it. */
  begin(owner: string, jobs: number): RunningRequest;
  /** What clients poll for. */
  progress(owner: string, withImage: boolean): Promise<object>;
  /** Ends the owner's requests. */
  interrupt(owner: string): Promise<void>;
  /** Ends the owner's batch that runs; the request goes on with the next. */
  skip(owner: string): Promise<void>;
}

/** A request as it goes on. */
export interface RunningRequest extends Disposable {
  readonly interrupted: boolean;
  /** Whether the batch that has just ended was skipped. */
  readonly skipped: boolean;
  /** Notes the batch that is now waited for, counted from 0. */
  next(batch: number, id: string): void;
}

interface Noted {
  readonly owner: string;
  readonly jobs: number;
  readonly since: number;
  batch: number;
  id: string | undefined;
  interrupted: boolean;
  skipped: boolean;
}

/** The running requests of one server. */
export function runningRequests({ queue, now }: Pick<ServerContext, "queue" | "now">): RunningRequests {
  const noted = new Set<Noted>();
  const of = (owner: string): Noted[] => [...noted].filter((request) => request.owner === owner);
  const end = async (request: Noted): Promise<void> => {
    if (request.id !== undefined) await queue.cancel(request.id);
  };
  return {
    begin(owner, jobs) {
      const request: Noted = {
        ...{ owner, jobs, since: now(), batch: 0, id: undefined },
        ...{ interrupted: false, skipped: false },
      };
      noted.add(request);
      return {
        get interrupted() {
          return request.interrupted;
        },
        get skipped() {
          return request.skipped;
        },
        next(batch, id) {
          Object.assign(request, { batch, id, skipped: false });
        },
        [Symbol.dispose]: () => void noted.delete(request),
      };
    },
    async progress(owner, withImage) {
      const [request] = of(owner);
      const job = request?.id === undefined ? undefined : await queue.find(request.id);
      if (request === undefined) return answer(undefined, { done: 0, of: 0 }, 0, null, now());
      const { done, of: steps } = job?.progress ?? { done: 0, of: 0 };
      const share = (request.batch + (steps === 0 ? 0 : done / steps)) / request.jobs;
      const [preview] = (withImage ? job?.preview : undefined) ?? [];
      return answer(request, { done, of: steps }, share, preview === undefined ? null : base64(preview), now());
    },
    async interrupt(owner) {
      for (const request of of(owner)) {
        request.interrupted = true;
        await end(request);
      }
    },
    async skip(owner) {
      const [request] = of(owner);
      if (request === undefined) return;
      request.skipped = true;
      await end(request);
    },
  };
}

function answer(
  request: Noted | undefined,
  { done, of }: { readonly done: number; readonly of: number },
  share: number,
  image: string | null,
  time: number,
): object {
  const passed = request === undefined ? 0 : (time - request.since) / 1000;
  return {
    progress: Math.min(share, 0.99), // 1 is the answer itself
    eta_relative: share > 0 ? passed / share - passed : 0,
    state: {
      ...{ skipped: request?.skipped ?? false, interrupted: request?.interrupted ?? false },
      job: request === undefined ? "" : `Batch ${request.batch + 1} out of ${request.jobs}`,
      ...{ job_count: request?.jobs ?? 0, job_no: request?.batch ?? 0, job_timestamp: "0" },
      ...{ sampling_step: done, sampling_steps: of },
    },
    current_image: image,
    textinfo: null,
  };
}
