import { fitMask } from "../../image/geometry/fit.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { rgbImage } from "../../image/rgb-image.ts";
import type { ServerContext } from "../context.ts";
import { pictureReader } from "../pictures/decode.ts";
import type { HiresRequest, JobRequest } from "../queue/job.ts";
import { Refusal } from "../refusal.ts";
import { upscalerNamed } from "../work/hires.ts";
import { loraOptions } from "../work/job-options.ts";
import { samplerOf } from "./samplers.ts";
import type { A1111Request } from "./schemas.ts";
import { scriptOptions, scriptPriority } from "./scripts.ts";
import type { Settings } from "./settings.ts";

type Options = Readonly<Record<string, unknown>>;

/** What a request comes to: a job for each of its batches. */
export interface Batches {
  readonly jobs: readonly JobRequest[];
  /** What was asked for and is not done here. */
  readonly warnings: readonly string[];
  readonly saved: boolean;
  readonly sent: boolean;
}

/** The jobs that a request of AUTOMATIC1111's asks for. */
export async function batchesOf(
  request: A1111Request,
  settings: Settings,
  context: ServerContext,
  owner: string,
): Promise<Batches> {
  const { batch_size, n_iter, send_images, save_images } = request;
  const override = settings.with(request.override_settings ?? {});
  const model = context.models.resolve(override.model);
  const options = await optionsOf(request, override, context);
  const hires = request.enable_hr === true ? hiresOf(request, options) : undefined;
  const priority = scriptPriority(request);
  const size = batch_size ?? 1;
  const count = n_iter ?? 1;
  const images = size * count;
  if (images > context.limits.pictures) {
    throw new Refusal(
      400,
      "limit_exceeded",
      `Cannot make ${images} images of a request: at most ${context.limits.pictures} are allowed`,
      { field: "n_iter" },
    );
  }
  const seed = request.seed == null || request.seed < 0 ? drawn() : request.seed;
  const jobs = Array.from({ length: count }, (_, i) => ({
    ...{ model, owner, hires, priority },
    options: { ...options, seed: seed + i * size, count: size },
    preferences: { promptWeights: true },
  }));
  return { jobs, warnings: ignored(request), saved: save_images === true, sent: send_images !== false };
}

const drawn = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

async function optionsOf(
  request: A1111Request,
  { clipSkip, previewEvery, previewKind }: ReturnType<Settings["with"]>,
  context: ServerContext,
): Promise<Options> {
  const { prompt, negative_prompt, steps, cfg_scale, width, height, eta, sampler_name, sampler_index } = request;
  const { prompt: words, loras } = withoutLoras(prompt ?? "");
  const chosen = samplerOf(sampler_name ?? sampler_index ?? undefined, request.scheduler ?? undefined);
  const pictures = await picturesOf(request, context);
  const [skipped = clipSkip] = request.clip_skip == null ? [] : [request.clip_skip];
  const own = await scriptOptions(request, context);
  const asked = {
    ...pictures,
    ...chosen,
    ...{ prompt: words, negativePrompt: negative_prompt, steps, width, height, previewEvery, previewKind },
    guidanceScale: cfg_scale,
    eta: eta == null || eta === 0 ? undefined : eta, // clients send 0 for the sampler's own
    strength: pictures["image"] === undefined ? undefined : request.denoising_strength,
    clipSkip: skipped > 1 ? skipped - 1 : undefined, // counted from 1 there, the last layer
    loras: loras.length === 0 ? undefined : loraOptions(loras, context),
    embeddings: embeddingsIn([words, negative_prompt ?? ""], context),
    ...own,
  };
  // A preset chooses sampler and steps, which clients always send.
  const preset = "preset" in own ? { sampler: undefined, steps: undefined, timesteps: undefined } : {};
  return Object.fromEntries(Object.entries({ ...asked, ...preset }).filter(([, value]) => value != null));
}

async function picturesOf(request: A1111Request, { limits }: ServerContext): Promise<Options> {
  const [sent] = request.init_images ?? [];
  if (sent === undefined) return {};
  const reader = pictureReader(limits.picturePixels);
  const { image } = await reader.text("init_images", sent);
  const fit = FITS[request.resize_mode ?? 0] ?? "fill";
  if (request.mask == null || request.mask === "") return { image, fit };
  const { image: mask } = await reader.text("mask", request.mask);
  const fitted = fitMask(mask, image, image, "fill"); // clients send it in any size
  return { image, fit, mask: request.inpainting_mask_invert === 1 ? inverted(fitted) : fitted };
}

/** "Just resize", "crop and resize", "resize and fill". */
const FITS = ["fill", "cover", "contain"] as const;

const inverted = ({ width, height, data }: RgbImage): RgbImage =>
  rgbImage(
    width,
    height,
    Uint8Array.from(data, (value) => 255 - value),
  );

/** `<lora:name:0.8>`, or `<lora:name:TEXT:UNET>`, in a prompt, and the prompt without them. */
export function withoutLoras(prompt: string): { readonly prompt: string; readonly loras: readonly object[] } {
  const loras: object[] = [];
  const rest = prompt.replaceAll(/<lora:([^<>]{1,300})>/g, (_, written: string) => {
    const [name, text = "1", unet] = written.split(":");
    loras.push(
      unet === undefined ? { name, strength: Number(text) } : { name, text: Number(text), unet: Number(unet) },
    );
    return "";
  });
  return { prompt: loras.length === 0 ? prompt : rest.replaceAll(/ {2,}/g, " ").trim(), loras };
}

/** The server's embeddings whose words stand in prompts: there, they need not be asked for. */
function embeddingsIn(texts: readonly string[], { embeddings }: ServerContext): Options | undefined {
  const words = texts.join(" ").toLowerCase();
  const found = Object.entries(embeddings).filter(([name]) => words.includes(name.toLowerCase()));
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function hiresOf(request: A1111Request, options: Options): HiresRequest {
  const { hr_scale, hr_resize_x, hr_resize_y, hr_upscaler, hr_second_pass_steps } = request;
  const { hr_sampler_name, hr_scheduler, hr_prompt, hr_negative_prompt, denoising_strength } = request;
  const { width, height } = options;
  if (typeof width !== "number" || typeof height !== "number") {
    throw new Refusal(400, "option_invalid", 'Cannot enlarge without "width" and "height"', { field: "width" });
  }
  const scale = hr_scale == null || hr_scale <= 0 ? 2 : hr_scale;
  const across = hr_resize_x || (hr_resize_y ? (hr_resize_y * width) / height : width * scale);
  const down = hr_resize_y || (hr_resize_x ? (hr_resize_x * height) / width : height * scale);
  const other = hr_sampler_name ? samplerOf(hr_sampler_name, hr_scheduler ?? undefined) : {};
  const asked = {
    ...other,
    steps: hr_second_pass_steps || undefined, // 0 is as many as in the first
    prompt: hr_prompt || undefined,
    negativePrompt: hr_negative_prompt || undefined,
    strength: denoising_strength || 0.7,
  };
  return {
    width: toEight(across),
    height: toEight(down),
    upscaler: upscalerNamed(hr_upscaler ?? undefined),
    options: Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
  };
}

const toEight = (size: number): number => Math.floor(size / 8) * 8;

/** What clients may switch on that is not there: they get their pictures all the same, and are told. */
function ignored(request: A1111Request): string[] {
  const { restore_faces, tiling, subseed_strength, refiner_checkpoint, script_name, styles } = request;
  const asked: Readonly<Record<string, boolean>> = {
    restore_faces: restore_faces === true,
    tiling: tiling === true,
    subseed_strength: (subseed_strength ?? 0) > 0,
    refiner_checkpoint: Boolean(refiner_checkpoint) && refiner_checkpoint !== "None",
    script_name: Boolean(script_name) && script_name !== "None",
    styles: (styles ?? []).length > 0,
    mask_blur: (request.mask_blur ?? 0) > 0,
    inpaint_full_res: request.inpaint_full_res === true,
  };
  return Object.entries(asked).flatMap(([name, isAsked]) => (isAsked ? [`"${name}" has no effect here`] : []));
}
