import type { ServerContext } from "../context.ts";
import type { FormatName } from "../pictures/encode.ts";
import type { JobRequest } from "../queue/job.ts";
import { loraOptions } from "../work/job-options.ts";
import type { ImagesRequest } from "./schemas.ts";

/** How the images of a request are given. */
export interface Delivery {
  readonly format: FormatName;
  /** From 0 to 1; the format's own where left out. */
  readonly quality: number | undefined;
  readonly by: "b64_json" | "url";
  /** Previews that are told on the way. */
  readonly partials: number;
  readonly size: string;
}

/** Steps that most samplers are run with, where a request does not say how many; previews are laid out for them. */
const USUAL_STEPS = 20;

/** The job that a request asks for; `pictures` are what it starts from. */
export function jobOf(
  request: ImagesRequest,
  pictures: Readonly<Record<string, unknown>>,
  context: ServerContext,
  owner: string,
): JobRequest {
  const { prompt, n, size, seed, steps, guidance_scale, negative_prompt, sampler, strength } = request;
  const { cache, speedup, preset, preview_kind, loras, stream, partial_images } = request;
  const [width, height] = size == null || size === "auto" ? [] : size.split("x").map(Number);
  const every = stream === true && partial_images ? previewEvery(steps ?? USUAL_STEPS, partial_images) : undefined;
  const asked = {
    ...pictures,
    ...{ prompt, count: n, width, height, seed, steps, sampler, strength, cache, speedup, preset },
    guidanceScale: guidance_scale,
    negativePrompt: negative_prompt,
    previewEvery: every,
    previewKind: every === undefined ? undefined : preview_kind,
    loras: loras == null ? undefined : loraOptions(loras, context),
  };
  const options = Object.fromEntries(Object.entries(asked).filter(([, value]) => value != null));
  const model = context.models.resolve(request.model ?? undefined);
  return { model, options, priority: request.priority ?? undefined, owner };
}

const previewEvery = (steps: number, previews: number): number => Math.max(1, Math.floor(steps / (previews + 1)));

/** How a request wants its images. */
export function deliveryOf(request: ImagesRequest): Delivery {
  const { output_format, output_compression, response_format, stream, partial_images, size } = request;
  return {
    format: output_format ?? "png",
    quality: output_compression == null ? undefined : output_compression / 100,
    by: response_format === "url" && stream !== true ? "url" : "b64_json",
    partials: stream === true ? (partial_images ?? 0) : 0,
    size: size ?? "auto",
  };
}
