import { deflateSync } from "node:zlib";
import { chunk, header, pixels, png } from "../build/others.ts";
import { mutateBytes, mutateJson } from "../mutate.ts";
import type { Random } from "../random.ts";
import { SEPARATOR } from "../reader.ts";

const PICTURE = png(header(64, 64, 8, 0), pixels(Buffer.alloc(64 * 65)));
const IMAGE = PICTURE.toString("base64");
const SHOWN = { prompt: "a fox <lora:style:0.8> toy", negative_prompt: "a dog" };

/** Bodies by what is asked; cases are changes of them. */
const BODIES: Readonly<Record<string, readonly unknown[]>> = {
  "POST /v1/images/generations": [
    {
      ...{
        prompt: "a fox",
        n: 1,
        size: "64x64",
        steps: 2,
        seed: 1,
        guidance_scale: 4,
        sampler: "euler",
        stream: false,
      },
      ...{ cache: 2, loras: [{ name: "style", strength: 0.5 }], priority: 1, output_format: "png", model: "tiny" },
      ...{ response_format: "b64_json", partial_images: 0, negative_prompt: "x", preset: null, speedup: null },
    },
    { prompt: "a fox", stream: true, partial_images: 2, size: "auto", steps: 2, preview_kind: "linear" },
  ],
  "POST /sdapi/v1/txt2img": [
    {
      ...{ ...SHOWN, steps: 2, width: 64, height: 64, cfg_scale: 5, seed: -1, batch_size: 1, n_iter: 1, eta: 0 },
      ...{ sampler_name: "DPM++ 2M", scheduler: "karras", clip_skip: 1, styles: [], save_images: false },
      ...{ enable_hr: true, hr_scale: 2, hr_upscaler: "Latent", denoising_strength: 0.5, hr_second_pass_steps: 0 },
      override_settings: { sd_model_checkpoint: "tiny", CLIP_stop_at_last_layers: 2, live_previews_enable: true },
      alwayson_scripts: { deepcache: { args: [{ cache: 3, priority: 1, previewEvery: 2 }] } },
    },
    { ...SHOWN, hr_resize_x: 128, hr_resize_y: 128, enable_hr: true, hr_prompt: "b", hr_sampler_name: "Euler a" },
  ],
  "POST /sdapi/v1/img2img": [
    {
      ...{ ...SHOWN, init_images: [IMAGE], mask: IMAGE, inpainting_mask_invert: 1, resize_mode: 1, steps: 2 },
      ...{ width: 64, height: 64, denoising_strength: 0.5, include_init_images: true, mask_blur: 4 },
      alwayson_scripts: { ControlNet: { args: [{ enabled: true, image: IMAGE, weight: 1, module: "canny" }] } },
    },
  ],
  "POST /sdapi/v1/png-info": [{ image: IMAGE }],
  "POST /sdapi/v1/options": [{ sd_model_checkpoint: "tiny", CLIP_stop_at_last_layers: 2, show_progress_type: "Full" }],
  "POST /jobs": [
    {
      ...{ model: "tiny", priority: 1 },
      options: {
        ...{ prompt: ["a", "b"], negativePrompt: "c", steps: 2, seed: [1, 2], count: 1, width: 64, height: 64 },
        ...{
          sampler: "euler",
          eta: 0.5,
          cache: { kind: "uniform", interval: 2, branch: 0 },
          clipSkip: 1,
          fit: "cover",
        },
        ...{ guidanceScale: 4, guidanceRescale: 0.5, image: IMAGE, mask: IMAGE, strength: 0.5, promptWeights: true },
        ...{ loras: ["style"], embeddings: ["toy"], vaeTiling: true, previewEvery: 2, previewKind: "linear" },
      },
    },
    {
      ...{
        prompt: "a fox",
        timesteps: [900, 500, 100],
        sizes: { original: { width: 64, height: 64 } },
        num_inference_steps: 2,
      },
      ...{
        controlImage: [IMAGE],
        controlScale: 1,
        controlStart: 0,
        controlEnd: 1,
        guessMode: true,
        oneGenerator: true,
      },
      variants: [{ cache: 2 }, { steps: 3 }, { sampler: "ddim" }, { preset: "fast" }, { speedup: 2 }],
    },
    {
      options: { prompt: "a", sigmas: [10, 5, 1, 0], timestepSelection: "quad", tinyVaeFor: "all", refinerStart: 0.8 },
    },
  ],
};

const FORM = [
  "prompt",
  "a fox",
  "n",
  "1",
  "size",
  "64x64",
  "steps",
  "2",
  "stream",
  "false",
  "loras",
  '[{"name":"style"}]',
];
const BOUNDARY = "xyz";

function form(random: Random): Buffer {
  const fields: Buffer[] = [];
  for (let i = 0; i < FORM.length; i += 2) {
    fields.push(part(`name="${FORM[i]}"`, Buffer.from(random.chance(0.1) ? "[1]" : (FORM[i + 1] ?? ""))));
  }
  const file = random.chance(0.3) ? mutateBytes(PICTURE, random) : PICTURE;
  fields.push(part('name="image"; filename="a.png"\r\nContent-Type: image/png', file));
  if (random.chance(0.5)) fields.push(part('name="mask"; filename="b.png"\r\nContent-Type: image/png', masked(random)));
  const body = Buffer.concat([...fields, Buffer.from(`--${BOUNDARY}--\r\n`)]);
  return random.chance(0.4) ? mutateBytes(body, random) : body;
}

const part = (what: string, content: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; ${what}\r\n\r\n`),
    content,
    Buffer.from("\r\n"),
  ]);

/** With transparency. */
function masked(random: Random): Buffer {
  const side = random.pick([1, 64, 32]);
  const rows = deflateSync(Buffer.alloc(side * (4 * side + 1)));
  return png(header(side, side, 8, 6), chunk("IDAT", rows));
}

function makeRequest(random: Random): Buffer {
  if (random.chance(0.1)) {
    const type = `multipart/form-data; boundary=${BOUNDARY}`;
    return Buffer.concat([Buffer.from(`POST /v1/images/edits ${type}${SEPARATOR}`), form(random)]);
  }
  const route = random.pick(Object.keys(BODIES));
  const body = Buffer.from(JSON.stringify(mutateJson(random.pick(BODIES[route] ?? []), random)) ?? "null");
  return Buffer.concat([
    Buffer.from(`${route} application/json${SEPARATOR}`),
    random.chance(0.1) ? mutateBytes(body, random) : body,
  ]);
}

/** What clients send to a server. */
export const REQUESTS = { request: makeRequest } as const;
