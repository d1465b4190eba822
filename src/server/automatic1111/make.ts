import type { Context } from "hono";
import type { ServerContext } from "../context.ts";
import { base64 } from "../pictures/encode.ts";
import type { JobResult } from "../queue/job.ts";
import { runJob } from "../work/run-job.ts";
import { infoOf } from "./info.ts";
import type { RunningRequest, RunningRequests } from "./progress.ts";
import { type Batches, batchesOf } from "./request.ts";
import type { A1111Request } from "./schemas.ts";
import type { Settings } from "./settings.ts";

/** What the routes that make images share. */
export interface MakeContext {
  readonly context: ServerContext;
  readonly settings: Settings;
  readonly requests: RunningRequests;
}

/** Runs the batches of a request one by one and answers with what there is at its end, also where it was interrupted. */
export async function makeImages(
  c: Context,
  request: A1111Request,
  { context, settings, requests }: MakeContext,
): Promise<Response> {
  const owner: string = c.get("owner");
  const batches = await batchesOf(request, settings, context, owner);
  using running = requests.begin(owner, batches.jobs.length);
  const results = await runBatches(batches, running, context, c.req.raw.signal);
  const pictures = results.flatMap((result) => result.pictures);
  if (batches.saved) {
    for (const { png } of pictures) await context.pictures.save({ bytes: png, type: "image/png" });
  }
  const { include_init_images, init_images, mask, ...asked } = request;
  const shown = include_init_images === true ? { init_images, mask } : { init_images: init_images && null };
  return c.json({
    images: batches.sent ? pictures.map(({ png }) => base64(png)) : [],
    parameters: { ...asked, ...shown },
    info: infoOf(request, results, batches.warnings, context.now()),
  });
}

async function runBatches(
  { jobs }: Batches,
  running: RunningRequest,
  context: ServerContext,
  signal: AbortSignal,
): Promise<JobResult[]> {
  const results: JobResult[] = [];
  for (const [batch, job] of jobs.entries()) {
    if (running.interrupted) break;
    try {
      results.push(await runJob(context, job, { signal, onId: (id) => running.next(batch, id) }));
    } catch (error) {
      if (!running.interrupted && !running.skipped) throw error;
    }
  }
  return results;
}
