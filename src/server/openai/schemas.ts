import { z } from "@hono/zod-openapi";
import { FORMATS } from "../pictures/encode.ts";
import { priority } from "../route.ts";

const formats = Object.keys(FORMATS) as ["png", "jpeg", "webp"];
/** A form has texts alone. */
const number = z.coerce.number<number | string>();
const json = z.unknown().transform((value) => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
});
const flag = z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]);

/** What a request for images may hold: OpenAI's fields, then this server's own. */
export const imagesRequest = z
  .looseObject({
    prompt: z.string(),
    model: z.string().nullish().openapi({ description: "A name that GET /v1/models lists; the first where left out" }),
    n: number.pipe(z.int().min(1)).nullish(),
    size: z
      .string()
      .regex(/^(auto|\d{1,9}x\d{1,9})$/, 'It must be "auto" or such as "512x512"')
      .nullish(),
    response_format: z.enum(["b64_json", "url"]).nullish(),
    output_format: z.enum(formats).nullish(),
    output_compression: number.pipe(z.number().min(0).max(100)).nullish(),
    stream: flag.nullish(),
    partial_images: number.pipe(z.int().min(0).max(3)).nullish(),
    seed: number.pipe(z.int().min(0)).nullish(),
    steps: number.pipe(z.int().min(1)).nullish(),
    guidance_scale: number.pipe(z.number()).nullish(),
    negative_prompt: z.string().nullish(),
    sampler: z.string().nullish(),
    strength: number
      .pipe(z.number())
      .nullish()
      .openapi({ description: "Of an edit: how much is changed, from 0 to 1" }),
    cache: json.nullish().openapi({ description: "An interval such as 3, a policy's text or a policy" }),
    speedup: number.pipe(z.number()).nullish(),
    preset: z.string().nullish(),
    preview_kind: z.string().nullish().openapi({ description: "Of partial images: tiny, linear or full" }),
    priority: number.pipe(priority).nullish(),
    loras: json.nullish().openapi({ description: "Such as [{ name: 'style', strength: 0.8 }]" }),
  })
  .openapi("ImagesRequest");

/** A request for images, read. */
export type ImagesRequest = z.output<typeof imagesRequest>;
