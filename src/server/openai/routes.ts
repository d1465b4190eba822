import type { Context } from "hono";
import { transparencyMask } from "../../image/codecs/transparency.ts";
import type { ServerContext } from "../context.ts";
import { readForm, readJson } from "../guard/body.ts";
import { pictureReader } from "../pictures/decode.ts";
import { base64, encodedAs, FORMATS } from "../pictures/encode.ts";
import type { JobPicture, JobRequest } from "../queue/job.ts";
import { Refusal } from "../refusal.ts";
import { type App, addRoute, jsonBody, parsed } from "../route.ts";
import { runJob } from "../work/run-job.ts";
import { type Delivery, deliveryOf, jobOf } from "./request.ts";
import { type ImagesRequest, imagesRequest } from "./schemas.ts";
import { streamImages } from "./stream.ts";
import { USAGE } from "./usage.ts";

const tags = ["OpenAI"];

/** Adds OpenAI's images API. */
export function addOpenAi(app: App, context: ServerContext): void {
  addRoute(
    app,
    {
      ...{ method: "post", path: "/v1/images/generations", tags, request: jsonBody(imagesRequest) },
      summary: "Images from a prompt",
      gives: "The images as base64 or by address, or server-sent events where `stream` is true",
    },
    async (c) => {
      const request = parsed(imagesRequest, await readJson(c.req.raw, context.limits.bodyBytes));
      return await answer(c, context, request, {});
    },
  );
  addRoute(
    app,
    {
      ...{ method: "post", path: "/v1/images/edits", tags },
      request: { body: { required: true, content: { "multipart/form-data": { schema: imagesRequest } } } },
      summary:
        "Images from a picture, or within one: `image`, and `mask`, which is transparent where it is painted anew",
      gives: "As for generations",
    },
    async (c) => {
      const form = await readForm(c.req.raw, context.limits.bodyBytes);
      const fields = Object.fromEntries([...form].filter(([, value]) => typeof value === "string"));
      const request = parsed(imagesRequest, fields);
      return await answer(c, context, request, await editedPictures(form, context));
    },
  );
  addRoute(app, { method: "get", path: "/v1/models", tags, summary: "The names of models", gives: "A list" }, (c) =>
    c.json({ object: "list", data: context.models.names.map((id) => modelObject(id)) }),
  );
  addRoute(
    app,
    { method: "get", path: "/v1/models/{model}", tags, summary: "A model", gives: "What there is to say of it" },
    (c) => c.json(modelObject(context.models.resolve(c.req.param("model")))),
  );
}

const modelObject = (id: string): object => ({ id, object: "model", created: 0, owned_by: "deepcache" });

/** The pictures of a form, of which the first is started from. */
async function editedPictures(form: FormData, { limits }: ServerContext): Promise<Readonly<Record<string, unknown>>> {
  const [file] = [...form.getAll("image"), ...form.getAll("image[]")];
  const reader = pictureReader(limits.picturePixels);
  const read = async (field: string, sent: unknown) => {
    if (sent instanceof File) {
      return await reader.file(field, new Uint8Array(await sent.arrayBuffer()));
    }
    throw new Refusal(400, "option_invalid", `Cannot edit without a file as "${field}"`, { field });
  };
  const { image, bytes } = await read("image", file);
  const sent = form.get("mask");
  const mask = sent === null ? undefined : await read("mask", sent);
  // A mask without transparency is one of this library's: white where it is painted anew.
  const white = mask === undefined ? transparencyMask(bytes) : (transparencyMask(mask.bytes) ?? mask.image);
  return { image, mask: white };
}

async function answer(
  c: Context,
  context: ServerContext,
  request: ImagesRequest,
  pictures: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const kind = "image" in pictures ? "image_edit" : "image_generation";
  const job: JobRequest = jobOf(request, pictures, context, c.get("owner"));
  const delivery = deliveryOf(request);
  if (request.stream === true) return await streamImages(c, context, job, delivery, kind);
  const result = await runJob(context, job, { signal: c.req.raw.signal });
  const data = await Promise.all(result.pictures.map((picture) => imageObject(picture, delivery, context, c.req.url)));
  const [{ width = 0, height = 0 } = {}] = result.pictures;
  return c.json({
    created: Math.floor(context.now() / 1000),
    data,
    output_format: delivery.format,
    size: `${width}x${height}`,
    usage: USAGE,
    deepcache: {
      model: result.model,
      seeds: result.pictures.map(({ seed }) => seed),
      ...{ steps: result.steps, sampler: result.sampler, speedup: result.speedup, seconds: result.seconds },
      ...{ evaluations: result.evaluations, fullEvaluations: result.fullEvaluations, warnings: result.warnings },
    },
  });
}

async function imageObject(
  picture: JobPicture,
  { format, quality, by }: Delivery,
  { pictures }: ServerContext,
  url: string,
): Promise<object> {
  const bytes = await encodedAs(picture, format, quality);
  if (by === "b64_json") return { b64_json: base64(bytes) };
  const name = await pictures.keep({ bytes, type: FORMATS[format] });
  return { url: new URL(`/files/${name}`, url).href };
}
