import { z } from "@hono/zod-openapi";

const text = z.string().nullish();
const integer = z.coerce.number<number | string>().pipe(z.int()).nullish();
const number = z.coerce.number<number | string>().nullish();
const flag = z.boolean().nullish();
const record = z.record(z.string(), z.unknown()).nullish();

const shared = {
  prompt: text,
  negative_prompt: text,
  styles: z.array(z.string()).nullish(),
  seed: integer.openapi({ description: "-1 draws one" }),
  subseed_strength: number,
  sampler_name: text,
  sampler_index: text,
  scheduler: text,
  batch_size: z.coerce.number<number | string>().pipe(z.int().min(1)).nullish(),
  n_iter: z.coerce.number<number | string>().pipe(z.int().min(1)).nullish(),
  steps: integer,
  cfg_scale: number,
  width: integer,
  height: integer,
  restore_faces: flag,
  tiling: flag,
  eta: number,
  denoising_strength: number,
  override_settings: record,
  override_settings_restore_afterwards: flag,
  refiner_checkpoint: text,
  script_name: text,
  send_images: flag,
  save_images: flag,
  alwayson_scripts: record.openapi({ description: "Such as { deepcache: { args: [{ cache: 3 }] } }" }),
  clip_skip: integer,
};

/** A request for images from a prompt, by AUTOMATIC1111's names; its defaults are the model's own here. */
export const txt2img = z
  .looseObject({
    ...shared,
    enable_hr: flag,
    hr_scale: number,
    hr_upscaler: text,
    hr_second_pass_steps: integer,
    hr_resize_x: integer,
    hr_resize_y: integer,
    hr_sampler_name: text,
    hr_scheduler: text,
    hr_prompt: text,
    hr_negative_prompt: text,
  })
  .openapi("Txt2ImgRequest");

/** A request for images from a picture. */
export const img2img = z
  .looseObject({
    ...shared,
    init_images: z.array(z.string()).min(1),
    mask: text,
    mask_blur: number,
    inpainting_fill: integer,
    inpaint_full_res: flag,
    inpainting_mask_invert: integer,
    resize_mode: integer,
    include_init_images: flag,
  })
  .openapi("Img2ImgRequest");

/** Either request, read: what one has and the other has not is left out. */
export type A1111Request = Partial<z.output<typeof txt2img>> & Partial<z.output<typeof img2img>>;
