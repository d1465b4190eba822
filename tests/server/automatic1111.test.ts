import { afterAll, describe, expect, test } from "vitest";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng, encodePng } from "../../src/image/png.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { pipeline } from "../../src/library/pipeline.ts";
import { withoutLoras } from "../../src/server/automatic1111/request.ts";
import { samplerOf } from "../../src/server/automatic1111/samplers.ts";
import { fixturePath } from "../support/fixtures.ts";
import { call, MODEL, serving } from "./serving.ts";

const server = await serving();
afterAll(() => server[Symbol.asyncDispose]());

interface Made {
  readonly images: readonly string[];
  readonly info: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}
const ask = async (path: string, body?: unknown) => await call(server.url, `/sdapi/v1/${path}`, body);
const make = async (path: string, body: unknown): Promise<Made> => {
  const answer = await ask(path, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as unknown as Made;
};
const bytesOf = (text = ""): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
const picture = Buffer.from(encodePng(plainImage(64, 64))).toString("base64");

/** What SillyTavern's extension for pictures sends, field by field. */
const SILLY_TAVERN = {
  prompt: "a fox on a teal background",
  negative_prompt: "blurry",
  sampler_name: "Euler a",
  scheduler: "Automatic",
  steps: 2,
  cfg_scale: 7,
  width: 64,
  height: 64,
  restore_faces: false,
  enable_hr: false,
  hr_upscaler: "Latent",
  hr_scale: 1,
  hr_additional_modules: [],
  denoising_strength: 0.7,
  hr_second_pass_steps: 0,
  seed: 3,
  override_settings: { CLIP_stop_at_last_layers: 1 },
  override_settings_restore_afterwards: true,
  clip_skip: 1,
  save_images: true,
  send_images: true,
  do_not_save_grid: false,
  do_not_save_samples: false,
};

/** What Open WebUI sends. */
const OPEN_WEBUI = { prompt: "an owl", batch_size: 2, width: 64, height: 64, steps: 2, negative_prompt: "dark" };

/** What a plug-in of Krita's sends for a selection. */
const KRITA = {
  init_images: [`data:image/png;base64,${picture}`],
  mask: `data:image/png;base64,${picture}`,
  inpainting_mask_invert: 0,
  mask_blur: 4,
  inpainting_fill: 1,
  inpaint_full_res: false,
  resize_mode: 0,
  include_init_images: false,
  styles: [],
  batch_size: 1,
  n_iter: 1,
  prompt: "a fox",
  negative_prompt: "",
  seed: -1,
  width: 64,
  height: 64,
  sampler_name: "DPM++ 2M",
  steps: 4,
  cfg_scale: 7,
  denoising_strength: 0.75,
  alwayson_scripts: {},
  override_settings: { sd_model_checkpoint: "scenes", img2img_color_correction: true },
  override_settings_restore_afterwards: false,
};

describe("txt2img", () => {
  test("gives what the library gives for what SillyTavern sends", async () => {
    const { images, info, parameters } = await make("txt2img", SILLY_TAVERN);
    await using pipe = await pipeline("text-to-image", MODEL);
    const options = {
      negativePrompt: "blurry",
      sampler: "euler-a",
      steps: 2,
      guidanceScale: 7,
      seed: 3,
      promptWeights: true,
    } as const;
    const { image } = await pipe("a fox on a teal background", options);
    expect(bytesOf(images[0])).toEqual(image.png());
    expect(parameters).toMatchObject({ steps: 2, sampler_name: "Euler a" });
    expect(JSON.parse(info)).toMatchObject({
      ...{ prompt: "a fox on a teal background", seed: 3, all_seeds: [3], sampler_name: "Euler a" },
      ...{ width: 64, height: 64, cfg_scale: 7, steps: 2, infotexts: [image.parameters] },
    });
  });

  test("makes the batch that Open WebUI asks for, with seeds that count up", async () => {
    const { images, info } = await make("txt2img", OPEN_WEBUI);
    const { all_seeds: seeds } = JSON.parse(info) as { all_seeds: number[] };
    expect(images).toHaveLength(2);
    expect(seeds[1]).toBe((seeds[0] ?? 0) + 1);
  });

  test("goes on from batch to batch with the seeds of one large batch", async () => {
    const asked = { prompt: "an owl", steps: 2, seed: 7 };
    const apart = await make("txt2img", { ...asked, n_iter: 2 });
    const together = await make("txt2img", { ...asked, batch_size: 2 });
    expect(apart.images).toEqual(together.images);
  });

  test("takes this library's own options as arguments of a script", async () => {
    const args = [{ cache: 2 }];
    const { images, info } = await make("txt2img", {
      ...SILLY_TAVERN,
      steps: 4,
      alwayson_scripts: { DeepCache: { args } },
    });
    expect(parseParameters(decodePng(bytesOf(images[0])).text["parameters"] ?? "").settings["DeepCache"]).toBe(
      "uniform:2:0",
    );
    expect(JSON.parse(info).deepcache).toMatchObject({ evaluations: 4, fullEvaluations: 2 });
  });

  test("makes a small picture first and a larger one of its latents where hires fix is on", async () => {
    const asked = { ...SILLY_TAVERN, enable_hr: true, hr_scale: 1.5, hr_second_pass_steps: 4, denoising_strength: 0.5 };
    const args = [{ cache: 2 }];
    const { images, info } = await make("txt2img", { ...asked, alwayson_scripts: { deepcache: { args } } });
    const { image, text } = decodePng(bytesOf(images[0]));
    expect([image.width, image.height]).toEqual([96, 96]);
    expect(text["parameters"]).toMatch(/Denoising strength: 0.5/);
    // Two evaluations, then two of four; the second run begins with an empty cache, so each has a full one.
    expect(JSON.parse(info).deepcache).toMatchObject({ evaluations: 4, fullEvaluations: 2 });
    const pixels = await make("txt2img", { ...asked, hr_upscaler: "None", batch_size: 2 });
    expect(pixels.images).toHaveLength(2);
  });

  test("says what it leaves out", async () => {
    const { info } = await make("txt2img", { ...SILLY_TAVERN, negative_prompt: "", restore_faces: true, tiling: true });
    expect(JSON.parse(info).deepcache.warnings).toEqual([
      '"restore_faces" has no effect here',
      '"tiling" has no effect here',
    ]);
  });

  test.each([
    [{ prompt: "a", width: 1e6, height: 1e6 }, /1000000x1000000 pixels/],
    [{ prompt: "a", width: -64 }, /width -64: a positive multiple/],
    [{ prompt: "a", steps: 0 }, /steps 0/],
    [{ prompt: "a", cfg_scale: "much" }, /"cfg_scale"/],
    [{ prompt: "a", n_iter: 1000, batch_size: 1000 }, /Cannot make 1000000 images/],
    [{ prompt: "a <lora:../../../etc/passwd:1>" }, /no LoRA is called "..\/..\/..\/etc\/passwd"/],
    [
      { prompt: "a", override_settings: { sd_model_checkpoint: "/etc/passwd" } },
      /Cannot find the model "\/etc\/passwd"/,
    ],
    [{ prompt: "a", sampler_name: "warp" }, /no sampler is called "warp"/],
    [{ prompt: "a", scheduler: "warp" }, /no schedule is called "warp"/],
    [{ prompt: "a", alwayson_scripts: { deepcache: { args: [{ image: "/etc/passwd" }] } } }, /Cannot read "image"/],
    [{ prompt: "a", enable_hr: true, width: 64, height: 64, hr_scale: 1e9 }, /pixels of an image/],
    [
      { prompt: "a", enable_hr: true, width: 64, height: 64, hr_upscaler: "4x-Ultra" },
      /Cannot enlarge with "4x-Ultra"/,
    ],
  ])("refuses %j", async (asked, message) => {
    const { status, body } = await ask("txt2img", asked);
    expect([400, 404]).toContain(status);
    expect(body["detail"]).toMatch(message);
  });
});

describe("img2img", () => {
  test("repaints what Krita selects", async () => {
    const { images, info, parameters } = await make("img2img", KRITA);
    expect(images).toHaveLength(1);
    expect(JSON.parse(info)).toMatchObject({ denoising_strength: 0.75, sampler_name: "DPM++ 2M" });
    expect(parameters["init_images"]).toBeNull();
  });

  test.each([
    ["http://169.254.169.254/latest", /it is an address, and nothing is fetched/],
    ["file:///etc/passwd", /it is an address/],
    ["/etc/passwd", /it begins with|it is not base64/],
    ["", /it is not base64/],
  ])("refuses %j as a picture", async (init, message) => {
    const { status, body } = await ask("img2img", { ...KRITA, init_images: [init] });
    expect([status, body["detail"]]).toEqual([400, expect.stringMatching(message)]);
  });
});

describe("What clients poll and press:", () => {
  test("progress tells of the run, and interrupt ends it with what there is", async () => {
    const running = make("txt2img", { prompt: "an owl", steps: 200, n_iter: 2, sampler_name: "Euler" });
    const progress = async () =>
      (await ask("progress")).body as unknown as { progress: number; state: { sampling_step: number } };
    await expect.poll(async () => (await progress()).state.sampling_step, { timeout: 20_000 }).toBeGreaterThan(1);
    expect(await progress()).toMatchObject({ state: { job_count: 2, sampling_steps: 200 }, current_image: null });
    await ask("interrupt", {});
    expect((await running).images).toEqual([]);
    expect(await progress()).toMatchObject({ progress: 0, state: { job_count: 0 } });
  });

  test("skip goes on with the next batch", async () => {
    const running = make("txt2img", { prompt: "an owl", steps: 200, n_iter: 2, seed: 1 });
    const batch = async () => (await ask("progress")).body as unknown as { state: { sampling_step: number } };
    await expect.poll(async () => (await batch()).state.sampling_step, { timeout: 20_000 }).toBeGreaterThan(0);
    await ask("skip", {});
    expect((await running).images).toHaveLength(1);
  });

  test("previews are told where they are switched on", async () => {
    await ask("options", { live_previews_enable: true, show_progress_every_n_steps: 1, unknown: 1 });
    const running = make("txt2img", { prompt: "an owl", steps: 250 });
    const image = async () => (await ask("progress?skip_current_image=false")).body["current_image"];
    await expect.poll(image, { timeout: 20_000 }).toMatch(/^iVBOR/);
    expect((await ask("progress?skip_current_image=true")).body["current_image"]).toBeNull();
    await ask("interrupt", {});
    await running;
    await ask("options", { live_previews_enable: false });
    expect((await ask("options")).body).not.toHaveProperty("unknown");
  });

  test.each([
    ["sd-models", [expect.objectContaining({ title: "scenes", model_name: "scenes" })]],
    ["options", expect.objectContaining({ sd_model_checkpoint: "scenes" })],
    ["samplers", expect.arrayContaining([expect.objectContaining({ name: "Euler a", aliases: expect.any(Array) })])],
    ["schedulers", expect.arrayContaining([expect.objectContaining({ name: "karras", label: "Karras" })])],
    ["upscalers", expect.arrayContaining([expect.objectContaining({ name: "None" })])],
    ["latent-upscale-modes", expect.arrayContaining([{ name: "Latent" }])],
    ["loras", []],
    ["embeddings", { loaded: {}, skipped: {} }],
    ["sd-vae", []],
    ["memory", expect.objectContaining({ ram: expect.objectContaining({ used: expect.any(Number) }) })],
    ["cmd-flags", expect.any(Object)],
    ["scripts", expect.any(Object)],
  ])("the list %s", async (name, expected) => {
    expect((await ask(name)).body).toEqual(expected);
  });

  test("png-info reads what a picture was made of", async () => {
    const { images, info } = await make("txt2img", SILLY_TAVERN);
    const { body } = await ask("png-info", { image: `data:image/png;base64,${images[0]}` });
    expect(body["info"]).toBe(JSON.parse(info).infotexts[0]);
    expect(body["parameters"]).toMatchObject({ Steps: "2", Seed: "3" });
  });

  test("a model is set by the title that the list has; another is refused", async () => {
    expect((await ask("options", { sd_model_checkpoint: "scenes" })).status).toBe(200);
    expect((await ask("options", { sd_model_checkpoint: "other" })).status).toBe(404);
  });

  test("ping answers", async () => {
    expect((await fetch(`${server.url}/internal/ping`)).status).toBe(200);
  });
});

test.each([
  ["DPM++ 2M", "Automatic", { sampler: "dpmpp-2m-karras" }],
  ["DPM++ 2M", "uniform", { sampler: "dpmpp-2m" }],
  ["DPM++ 2M Karras", undefined, { sampler: "dpmpp-2m-karras" }],
  ["k_euler_a", "", { sampler: "euler-a" }],
  ["Euler", "Align Your Steps", { sampler: "euler", timesteps: "ays" }],
  ["unipc-karras", undefined, { sampler: "unipc-karras" }],
  [undefined, undefined, {}],
])("The sampler %s with the schedule %s is %j", (name, scheduler, expected) => {
  expect(samplerOf(name, scheduler)).toEqual(expected);
});

test("LoRAs are taken out of prompts", () => {
  expect(withoutLoras("a <lora:style:0.5> fox <lora:more><lora:both:0.5:0.25>")).toEqual({
    prompt: "a fox",
    loras: [
      { name: "style", strength: 0.5 },
      { name: "more", strength: 1 },
      { name: "both", text: 0.5, unet: 0.25 },
    ],
  });
});

test("ControlNets steer by the arguments of their extension, as they do in the library", async () => {
  const path = fixturePath("pipelines/sd15/model");
  const controlnet = fixturePath("adapters/sd15/controlnet-0");
  await using steered = await serving({ tiny: { path, controlnet } });
  const asked = { prompt: "a fox", steps: 2, seed: 1, width: 64, height: 64 };
  const unit = { enabled: true, image: picture, weight: 0.5, guidance_start: 0, guidance_end: 1, module: "none" };
  const args = [unit, { enabled: false }];
  const { status, body } = await call(steered.url, "/sdapi/v1/txt2img", {
    ...asked,
    alwayson_scripts: { controlnet: { args } },
  });
  expect(status, JSON.stringify(body).slice(0, 300)).toBe(200);
  await using pipe = await pipeline("text-to-image", path, { controlnet });
  const control = { controlImage: plainImage(64, 64), controlScale: 0.5, promptWeights: true };
  const { image } = await pipe("a fox", { steps: 2, seed: 1, width: 64, height: 64, ...control });
  expect(bytesOf((body as unknown as Made).images[0])).toEqual(image.png());
});

test("LoRAs, embeddings and weights in prompts do what they do in the library", async () => {
  const path = fixturePath("pipelines/sd15/model");
  const lora = fixturePath("adapters/sd15/kohya.safetensors");
  const embedding = fixturePath("adapters/sd15/learned_embeds.safetensors");
  await using adapted = await serving(
    { tiny: path },
    { loras: { style: lora }, embeddings: { "<cat-toy>": embedding } },
  );
  const asked = { steps: 2, seed: 1, width: 64, height: 64 };
  const prompt = "a (fox:1.5) with <cat-toy> <lora:style:0.5>";
  const { status, body } = await call(adapted.url, "/sdapi/v1/txt2img", { ...asked, prompt });
  expect(status, JSON.stringify(body).slice(0, 300)).toBe(200);
  await using pipe = await pipeline("text-to-image", path);
  const adapters = {
    loras: { path: lora, strength: 0.5 },
    embeddings: { "<cat-toy>": embedding },
    promptWeights: true,
  };
  const { image } = await pipe("a (fox:1.5) with <cat-toy>", { ...asked, ...adapters });
  expect(bytesOf((body as unknown as Made).images[0])).toEqual(image.png());
  expect((await call(adapted.url, "/sdapi/v1/loras")).body).toEqual([expect.objectContaining({ name: "style" })]);
  expect((await call(adapted.url, "/sdapi/v1/embeddings")).body).toMatchObject({ loaded: { "<cat-toy>": {} } });
});

test("a LoRA for another model is refused by its name, and not by its path", async () => {
  const lora = fixturePath("adapters/sdxl/kohya.safetensors");
  await using adapted = await serving({ tiny: fixturePath("pipelines/sd15/model") }, { loras: { other: lora } });
  const loras = [{ name: "other" }];
  const { status, body } = await call(adapted.url, "/v1/images/generations", { prompt: "a", steps: 1, loras });
  expect([status, body["error"]]).toEqual([400, expect.objectContaining({ message: expect.stringMatching(/LoRA/) })]);
  expect(JSON.stringify(body)).not.toContain("fixtures");
});
