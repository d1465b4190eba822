import type { Context } from "hono";
import type { ServerContext } from "../context.ts";
import { eventStream, type ServerEvent } from "../event-stream.ts";
import { base64, encodedAs } from "../pictures/encode.ts";
import type { JobRequest } from "../queue/job.ts";
import { refusalOf } from "../refusal.ts";
import { jobEvents } from "../work/run-job.ts";
import { openAiError } from "./errors.ts";
import type { Delivery } from "./request.ts";
import { USAGE } from "./usage.ts";

/** What a stream is of. */
export type StreamKind = "image_generation" | "image_edit";

/** A run as server-sent events: previews, then the images. What is refused before anything runs is answered as an error. */
export async function streamImages(
  c: Context,
  context: ServerContext,
  job: JobRequest,
  delivery: Delivery,
  kind: StreamKind,
): Promise<Response> {
  const left = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, left.signal]);
  const events = imageEvents(context, job, delivery, { kind, signal });
  await events.next(); // what runs has begun, or it throws
  return eventStream(events, {
    abort: (reason) => left.abort(reason),
    onError: (error) => ({ event: "error", data: { type: "error", ...openAiError(refusalOf(error)) } }),
  });
}

const BEGUN: ServerEvent = { data: {} };

async function* imageEvents(
  context: ServerContext,
  job: JobRequest,
  { format, quality, partials, size }: Delivery,
  { kind, signal }: { readonly kind: StreamKind; readonly signal: AbortSignal },
): AsyncGenerator<ServerEvent> {
  const eventOf = async (type: string, shown: Parameters<typeof encodedAs>[0], more: object): Promise<ServerEvent> => {
    const b64_json = base64(await encodedAs(shown, format, quality));
    const created_at = Math.floor(context.now() / 1000);
    const described = { created_at, size, quality: "auto", background: "opaque", output_format: format };
    return { event: type, data: { type, b64_json, ...described, ...more } };
  };
  let begun = false;
  let told = 0;
  for await (const event of jobEvents(context, job, { signal })) {
    if (!begun && event.type === "phase") {
      begun = true;
      yield BEGUN;
    }
    if (event.type === "preview" && told < partials) {
      const [png] = event.pictures;
      if (png === undefined) continue;
      yield await eventOf(`${kind}.partial_image`, { png, parameters: "" }, { partial_image_index: told++ });
    }
    if (event.type === "done") {
      for (const picture of event.result.pictures) {
        const { width, height } = picture;
        yield await eventOf(`${kind}.completed`, picture, { size: `${width}x${height}`, usage: USAGE });
      }
    }
  }
}
