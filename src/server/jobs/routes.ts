import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ServerContext } from "../context.ts";
import { eventStream, type ServerEvent } from "../event-stream.ts";
import { readJson } from "../guard/body.ts";
import { openAiError } from "../openai/errors.ts";
import { base64 } from "../pictures/encode.ts";
import type { JobResult, JobView, NumberedEvent } from "../queue/job.ts";
import { Refusal, refusalOf } from "../refusal.ts";
import { type App, addRoute, jsonBody, parsed, priority } from "../route.ts";
import { jobOptions } from "../work/job-options.ts";
import { submit } from "../work/run-job.ts";

const tags = ["Jobs"];

const jobRequest = z
  .looseObject({
    model: z.string().nullish(),
    priority: priority.nullish(),
    options: z.record(z.string(), z.unknown()).default({}).openapi({
      description:
        "Options of the library by their names, with pictures as base64 and LoRAs by name; they may stand beside the model, too",
    }),
  })
  .extend({
    variants: z.array(z.record(z.string(), z.unknown())).min(1).nullish().openapi({
      description:
        "Runs that take turns, evaluation by evaluation, in place of one: the cache, speedup, preset, steps or sampler that each has instead",
    }),
  })
  .openapi("JobRequest");

/** Adds the interface of jobs: asked for, looked at, listened to and ended one by one. */
export function addJobs(app: App, context: ServerContext): void {
  const { queue, models, limits } = context;
  const find = async (c: Context): Promise<JobView> => {
    const id = c.req.param("id") ?? "";
    const job = await queue.find(id);
    if (job !== undefined && job.owner === c.get("owner")) return job;
    throw new Refusal(404, "job_not_found", `Cannot find the job ${JSON.stringify(id.slice(0, 60))}`);
  };
  addRoute(
    app,
    {
      ...{ method: "post", path: "/jobs", tags, request: jsonBody(jobRequest) },
      summary: "Asks for images; the job goes on whether or not anybody listens",
      gives: "The job",
    },
    async (c) => {
      const { model, priority, options, variants, ...others } = parsed(
        jobRequest,
        await readJson(c.req.raw, limits.bodyBytes),
      );
      const name = models.resolve(model ?? undefined);
      const id = await submit(context, {
        model: name,
        options: await jobOptions({ ...others, ...options }, context),
        variants:
          variants == null ? undefined : await Promise.all(variants.map((variant) => jobOptions(variant, context))),
        priority: priority ?? undefined,
        owner: c.get("owner"),
      });
      const job = await queue.find(id);
      return c.json(job === undefined ? { id } : jobObject(job), 202, { location: `/jobs/${id}` });
    },
  );
  addRoute(
    app,
    {
      ...{ method: "get", path: "/models/{name}", tags },
      summary: "What a model takes, and what a cached evaluation takes of a full one",
      gives: "Task, sizes, samplers, options, device, and the cost of each branch",
    },
    async (c) => c.json(await models.describe(models.resolve(c.req.param("name") ?? ""))),
  );
  addRoute(
    app,
    { method: "get", path: "/jobs/{id}", tags, summary: "A job as far as it is", gives: "The job, with its images" },
    async (c) => c.json(jobObject(await find(c))),
  );
  addRoute(
    app,
    {
      ...{ method: "get", path: "/jobs/{id}/events", tags, type: "text/event-stream" },
      summary: "What a job tells, from the beginning or behind the event that `Last-Event-ID` names",
      gives: "Server-sent events, the last of which is done, failed or cancelled",
    },
    async (c) => {
      const { id } = await find(c);
      const after = Number(c.req.header("last-event-id") ?? 0);
      const left = new AbortController();
      const signal = AbortSignal.any([c.req.raw.signal, left.signal]);
      const events = queue.events(id, { after: Number.isSafeInteger(after) && after > 0 ? after : 0, signal });
      return eventStream(serverEvents(events), {
        abort: (reason) => left.abort(reason),
        onError: (error) => ({ event: "error", data: openAiError(refusalOf(error)) }),
      });
    },
  );
  addRoute(
    app,
    { method: "delete", path: "/jobs/{id}", tags, summary: "Ends a job, or lets go of its images", gives: "The job" },
    async (c) => {
      const { id } = await find(c);
      if (!(await queue.cancel(id))) await queue.forget(id);
      const job = await queue.find(id);
      return c.json(job === undefined ? { id } : jobObject(job));
    },
  );
}

async function* serverEvents(events: AsyncIterable<NumberedEvent>): AsyncGenerator<ServerEvent> {
  for await (const { number, event } of events) {
    const { type } = event;
    yield { event: type, id: number, data: shown(event) };
  }
}

/** An event as JSON has it. */
function shown(event: NumberedEvent["event"]): object {
  switch (event.type) {
    case "preview":
      return { type: event.type, evaluation: event.evaluation, images: event.pictures.map(base64), lane: event.lane };
    case "done":
      return { type: event.type, result: resultObject(event.result) };
    case "failed":
      return { type: event.type, error: event.failure };
    default:
      return event;
  }
}

function jobObject({ owner: _, preview, result, failure, ...job }: JobView): object {
  return {
    ...job,
    preview: preview?.map(base64),
    result: result && resultObject(result),
    error: failure,
  };
}

const resultObject = ({ pictures, lanes, ...result }: Omit<JobResult, "model">): object => ({
  ...result,
  lanes: lanes?.map(resultObject),
  images: pictures.map(({ png, ...picture }) => ({ ...picture, type: "image/png", base64: base64(png) })),
});
