import type { ImageModelV3, ImageModelV4 } from "@ai-sdk/provider";
import { generateImage } from "ai";
import { generateImage as generateImage6 } from "ai-6";
import { afterAll, describe, expect, test } from "vitest";
import { deepcache, deepcacheV3 } from "../../src/ai-sdk.ts";
import { encodePng } from "../../src/image/png.ts";
import { plainImage, rgbImage } from "../../src/image/rgb-image.ts";
import { pipeline } from "../../src/library/pipeline.ts";
import { defaultModelFolder } from "../../src/systems/shipped.ts";
import { serving } from "../server/serving.ts";

const server = await serving({ scenes: defaultModelFolder() }, { apiKey: ["secret"] });
const pipe = await pipeline("text-to-image", defaultModelFolder());
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await pipe.dispose();
});

const REMOTE = { url: server.url, apiKey: "secret" };
const MODELS: Readonly<Record<string, ImageModelV4>> = {
  "in process": deepcache(pipe),
  "on a server": deepcache("scenes", REMOTE),
};
const options = { deepcache: { steps: 4, cache: 2, negativePrompt: "red", sampler: "euler" } };

describe.each(Object.entries(MODELS))("generateImage %s", (_, model) => {
  test("gives the library's pictures with what they took", async () => {
    const asked = { model, prompt: "a fox", n: 2, size: "64x64", seed: 3, providerOptions: options } as const;
    const { images, warnings, providerMetadata } = await generateImage(asked);
    const same = { steps: 4, cache: 2, negativePrompt: "red", sampler: "euler", seed: 3, count: 2 } as const;
    const expected = await pipe("a fox", same);
    expect(images.map(({ uint8Array }) => new Uint8Array(uint8Array))).toEqual(
      expected.images.map((image) => image.png()),
    );
    expect(images[0]?.mediaType).toBe("image/png");
    expect(warnings).toEqual([]);
    const took = { steps: 4, sampler: "euler", evaluations: 4, fullEvaluations: 2, speedup: expect.any(Number) };
    expect(providerMetadata["deepcache"]).toMatchObject({
      images: [
        { seed: 3, ...took },
        { seed: 4, ...took },
      ],
    });
  });

  test("starts from a picture, and paints within it where there is a mask", async () => {
    const image = plainImage(64, 64);
    const half = rgbImage(64, 64, new Uint8Array(64 * 64 * 3).fill(255, 0, 64 * 32 * 3));
    const prompt = { text: "a fox", images: [encodePng(image)], mask: encodePng(half) };
    const providerOptions = { deepcache: { steps: 4, strength: 0.75 } };
    const { images } = await generateImage({ model, prompt, seed: 1, providerOptions });
    const expected = await pipe("a fox", { steps: 4, strength: 0.75, seed: 1, image, mask: half });
    expect(new Uint8Array(images[0]?.uint8Array ?? [])).toEqual(expected.image.png());
  });

  test("warns of what there is nothing for", async () => {
    const providerOptions = { deepcache: { steps: 1 } };
    const { warnings } = await generateImage({ model, prompt: "a fox", aspectRatio: "16:9", providerOptions });
    expect(warnings).toContainEqual(expect.objectContaining({ type: "unsupported", feature: "aspectRatio" }));
  });

  test("ends where it is aborted", async () => {
    const controller = new AbortController();
    const providerOptions = { deepcache: { steps: 200 } };
    const made = generateImage({ model, prompt: "a fox", providerOptions, abortSignal: controller.signal });
    setTimeout(() => controller.abort(), 300);
    await expect(made).rejects.toThrow(/abort/i);
    const headers = { authorization: "Bearer secret" };
    const ready = async () => (await fetch(`${server.url}/ready`, { headers })).json();
    await expect.poll(ready, { timeout: 5000 }).toMatchObject({ running: 0, waiting: 0 });
  });

  test("refuses in the library's words, without trying again", async () => {
    const providerOptions = { deepcache: { sampler: "warp" } };
    await expect(generateImage({ model, prompt: "a fox", providerOptions })).rejects.toThrow(
      /No sampler is called "warp"/,
    );
    const sized = generateImage({ model, prompt: "a fox", size: "65x64" });
    await expect(sized).rejects.toThrow(/width 65: a positive multiple of 4/);
  });
});

test("ai 6 takes models of the third version", async () => {
  const model = deepcacheV3("scenes", REMOTE);
  model satisfies ImageModelV3;
  const asked = { model, prompt: "a fox", seed: 3, n: 2, providerOptions: { deepcache: { steps: 2 } } };
  const { images } = await generateImage6(asked);
  expect(images).toHaveLength(2);
  const inProcess = await generateImage6({ ...asked, model: deepcacheV3(pipe) });
  expect(images.map(({ base64 }) => base64)).toEqual(inProcess.images.map(({ base64 }) => base64));
});

test("a model that was opened on first use is released with the model of the SDK", async () => {
  await using model = deepcache();
  const { image } = await generateImage({ model, prompt: "a fox", providerOptions: { deepcache: { steps: 1 } } });
  expect(image.uint8Array.length).toBeGreaterThan(100);
});

test("a server that cannot be asked now is tried again", async () => {
  let asked = 0;
  const busy = async () => {
    asked++;
    return Response.json({ error: { message: "Cannot take a job: 64 wait" } }, { status: 429 });
  };
  const model = deepcache("scenes", { url: "http://127.0.0.1:9", fetch: busy });
  await expect(generateImage({ model, prompt: "a", maxRetries: 1 })).rejects.toThrow(/64 wait/);
  expect(asked).toBe(2);
});

test("a wrong key is told in a sentence", async () => {
  const model = deepcache("scenes", { ...REMOTE, apiKey: "wrong" });
  await expect(generateImage({ model, prompt: "a" })).rejects.toThrow(/Cannot answer: the key is wrong/);
});
