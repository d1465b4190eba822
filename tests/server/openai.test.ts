import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, toFile } from "openai";
import { afterAll, describe, expect, test } from "vitest";
import { decodePng, encodePng } from "../../src/image/png.ts";
import { plainImage, rgbImage } from "../../src/image/rgb-image.ts";
import { pipeline } from "../../src/library/pipeline.ts";
import { all, MODEL, serving } from "./serving.ts";

const server = await serving();
afterAll(() => server[Symbol.asyncDispose]());
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "any", maxRetries: 0 });
const QUICK = { model: "scenes", steps: 2 } as const;

const bytesOf = (text: string | undefined): Uint8Array => new Uint8Array(Buffer.from(text ?? "", "base64"));

describe("images.generate", () => {
  test("gives the picture that the library gives for the same seed", async () => {
    await using pipe = await pipeline("text-to-image", MODEL);
    const { image } = await pipe("a fox on a teal background", { steps: 2, seed: 5, cache: 2 });
    const asked = { ...QUICK, prompt: "a fox on a teal background", seed: 5, cache: 2 };
    const { data, created } = await client.images.generate(asked);
    expect(bytesOf(data?.[0]?.b64_json)).toEqual(image.png());
    expect(created).toBeGreaterThan(1.7e9);
  });

  test("gives as many as are asked for, in the format that is asked for", async () => {
    const asked = { ...QUICK, prompt: "an owl", n: 2, output_format: "webp", output_compression: 50 } as const;
    const { data = [], output_format } = await client.images.generate(asked);
    expect(data).toHaveLength(2);
    expect(output_format).toBe("webp");
    expect(Buffer.from(bytesOf(data[0]?.b64_json)).toString("latin1", 0, 12)).toMatch(/^RIFF....WEBP/s);
  });

  test("gives addresses that lead to files", async () => {
    const { data } = await client.images.generate({ ...QUICK, prompt: "an owl", response_format: "url" });
    const response = await fetch(data?.[0]?.url ?? "");
    expect(response.headers.get("content-type")).toBe("image/png");
    const { image } = decodePng(new Uint8Array(await response.arrayBuffer()));
    expect([image.width, image.height]).toEqual([64, 64]);
  });

  test("streams previews, then the picture", async () => {
    const asked = { ...QUICK, prompt: "an owl", steps: 4, stream: true, partial_images: 2, seed: 1 } as const;
    const events = await all(await client.images.generate(asked));
    expect(events.map(({ type }) => type)).toEqual([
      "image_generation.partial_image",
      "image_generation.partial_image",
      "image_generation.completed",
    ]);
    const [first, second, last] = events;
    expect(
      [first, second].map((event) => event && "partial_image_index" in event && event.partial_image_index),
    ).toEqual([0, 1]);
    expect(decodePng(bytesOf(last?.b64_json)).text).toHaveProperty("parameters");
    expect(first?.b64_json).not.toBe(last?.b64_json);
  });

  test.each([
    [{ prompt: "a", model: "dall-e-3" }, NotFoundError, 'Cannot find the model "dall-e-3": this server has scenes'],
    [{ prompt: "a", size: "100000x100000" }, BadRequestError, /asks for 100000x100000 pixels .* at most 4194304/],
    [{ prompt: "a", size: "65x64" }, BadRequestError, /width 65: a positive multiple of \d+ is required/],
    [{ prompt: "a", n: -1 }, BadRequestError, /"n"/],
    [{ prompt: "a", steps: 1e9 }, BadRequestError, /asks for 1000000000 steps of a run, at most 250/],
    [{ prompt: "a", sampler: "warp" }, BadRequestError, /"warp"/],
    [{ prompt: "a", cache: "sometimes" }, BadRequestError, /cache policy "sometimes"/],
    [{ prompt: "a", loras: [{ name: "../../etc/passwd" }] }, BadRequestError, /no LoRA is called/],
    [{ prompt: "a", sampler: "warp", stream: true }, BadRequestError, /"warp"/],
    [{}, BadRequestError, /"prompt"/],
  ])("refuses %j as the client's own kind of error", async (asked, kind, message) => {
    const refused = client.images.generate(asked as never);
    await expect(refused).rejects.toThrow(kind);
    await expect(refused).rejects.toThrow(message);
  });
});

describe("images.edit", () => {
  const picture = encodePng(plainImage(64, 64));
  const file = (bytes: Uint8Array) => toFile(bytes, "picture.png", { type: "image/png" });

  test("changes a picture", async () => {
    const image = await file(picture);
    const asked = { ...QUICK, prompt: "a fox", image, seed: 1, strength: 0.5 };
    const { data } = await client.images.edit(asked as never);
    expect(decodePng(bytesOf(data?.[0]?.b64_json)).text["parameters"]).toMatch(/Denoising strength: 0.5/);
  });

  test("changes it where the mask is transparent", async () => {
    const { encode } = await import("fast-png");
    const data = new Uint8Array(64 * 64 * 4).fill(255);
    for (let i = 0; i < 64 * 32; i++) data[i * 4 + 3] = 0; // the upper half
    const mask = await file(encode({ width: 64, height: 64, data, channels: 4 }));
    const asked = { ...QUICK, prompt: "a fox", image: await file(picture), mask, seed: 1, strength: 1 };
    const { data: made } = await client.images.edit(asked as never);
    await using pipe = await pipeline("text-to-image", MODEL);
    const white = rgbImage(64, 64, new Uint8Array(64 * 64 * 3).fill(255, 0, 64 * 32 * 3));
    const { image } = await pipe("a fox", { steps: 2, seed: 1, strength: 1, image: plainImage(64, 64), mask: white });
    expect(bytesOf(made?.[0]?.b64_json)).toEqual(image.png());
  });

  test("refuses what is no picture, and addresses", async () => {
    const image = await file(Buffer.from("http://169.254.169.254/latest/meta-data"));
    await expect(client.images.edit({ ...QUICK, prompt: "a", image })).rejects.toThrow(
      /Cannot read "image": it begins/,
    );
  });
});

test("models.list names the models", async () => {
  const models = await all(client.models.list());
  expect(models.map(({ id }) => id)).toEqual(["scenes"]);
});

test("a wrong key is the client's AuthenticationError", async () => {
  await using locked = await serving(undefined, { apiKey: ["right", "other"] });
  const withKey = (apiKey: string) => new OpenAI({ baseURL: `${locked.url}/v1`, apiKey, maxRetries: 0 });
  await expect(withKey("wrong").models.list()).rejects.toThrow(AuthenticationError);
  expect((await withKey("other").models.list()).data).toHaveLength(1);
});

test("a client that goes away cancels its job", async () => {
  const controller = new AbortController();
  const asked = { ...QUICK, prompt: "an owl", steps: 200, stream: true, partial_images: 3 } as const;
  const events = await client.images.generate(asked, { signal: controller.signal });
  const ready = async () => (await fetch(`${server.url}/ready`)).json();
  expect(await ready()).toMatchObject({ running: 1 });
  controller.abort();
  await all(events).catch(() => {});
  await expect.poll(ready, { timeout: 5000 }).toMatchObject({ running: 0, waiting: 0 });
});
