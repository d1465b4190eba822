import { expect, test } from "vitest";
import { rgbImage } from "../../src/image/rgb-image.ts";
import { pipeline } from "../../src/library/pipeline.ts";
import { ADAPTED_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";

const MODEL = fixturePath("pipelines/sd15/model");
const golden = readFixture("adapters/sd15/control.safetensors");
const call = JSON.parse(golden.metadata["call"] ?? "{}");
const { data, shape } = golden.tensor("image.0");
const picture = rgbImage(shape[1] ?? 0, shape[0] ?? 0, Uint8Array.from(data));
const asked = {
  ...{ negativePrompt: call.negative_prompt, steps: call.num_inference_steps, guidanceScale: call.guidance_scale },
  ...{ seed: Number(golden.metadata["seed"]), controlImage: picture, controlScale: 0.8 },
};
const controlnet = fixturePath("adapters/sd15/controlnet-0");

test("a pipeline with a ControlNet ends where the reference ends, in the size of the picture", async () => {
  await using pipe = await pipeline("text-to-image", MODEL, { controlnet });
  const { latents, image } = await pipe(call.prompt, { ...asked, sampler: "ddim", cache: "uniform:3:0" });
  expect(latents).toBeCloseTensor(golden.tensor("one.n3.b0"), ADAPTED_LATENTS);
  expect([image.width, image.height]).toEqual([64, 64]);
  expect(image.parameters).toContain('ControlNet 0: "Module: none, Model: controlnet-0, Weight: 0.8');
});

test("a ControlNet's memory is in the estimate, a tiny autoencoder's is the decoder's", async () => {
  const componentsOf = async (options: object, request: object) => {
    await using pipe = await pipeline("text-to-image", MODEL, options);
    const { components } = await pipe.estimateMemory({ prompt: "a fox", ...request });
    return (name: string) => components.find((component) => component.name === name)?.weights ?? 0;
  };
  const plain = await componentsOf({}, {});
  const steered = await componentsOf({ controlnet }, { controlImage: picture });
  const tiny = await componentsOf({ tinyVae: fixturePath("models/taesd") }, {});
  const previewing = await componentsOf({ tinyVae: fixturePath("models/taesd") }, { tinyVaeFor: "previews" });
  const stored = readFixture("adapters/sd15/controlnet-0/diffusion_pytorch_model.safetensors");
  const bytes = 4 * stored.names.reduce((sum, name) => sum + stored.tensor(name).data.length, 0);
  const more = (steered("U-Net") - plain("U-Net")) / bytes;
  expect(more).toBeGreaterThan(0.8); // the picture's encoder runs once, from the file
  expect(more).toBeLessThan(2); // fast convolutions keep kernels in another form
  expect(tiny("decoder")).not.toBe(plain("decoder"));
  expect(previewing("decoder")).toBe(plain("decoder"));
});

test.each([
  [
    "no picture",
    { controlnet },
    {},
    "Cannot generate with 0 control images and 1 control network: one image for each is required",
  ],
  [
    "two pictures",
    { controlnet },
    { controlImage: [picture, picture] },
    "Cannot generate with 2 control images and 1 control network",
  ],
  [
    "a picture alone",
    {},
    { controlImage: picture },
    "Cannot generate with controlImage but no ControlNet: open the model with one",
  ],
  [
    "what is no picture",
    { controlnet },
    { controlImage: new Uint8Array(8) },
    "Cannot read the control image: it begins with 00 00",
  ],
  [
    "other preprocessing",
    { controlnet },
    { controlImage: picture, controlPreprocess: "depth" },
    'Cannot preprocess a picture as "depth"',
  ],
  [
    "a share of no refiner",
    {},
    { refinerStart: 0.5 },
    "Cannot generate with refinerStart but no refiner: open the model with one",
  ],
  [
    "a use of no autoencoder",
    {},
    { tinyVaeFor: "all" },
    "Cannot generate with tinyVaeFor but no tiny autoencoder: open the model with one",
  ],
])("a pipeline refuses %s", async (_, options, request, message) => {
  await using pipe = await pipeline("text-to-image", MODEL, options);
  const failing = pipe.generate({ prompt: "a fox", steps: 2, ...(request as object) });
  await expect(Promise.resolve(failing)).rejects.toMatchObject({
    code: expect.any(String),
    message: expect.stringContaining(message),
  });
});
