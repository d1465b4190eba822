import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { decodePng, encodePng } from "../../src/image/png.ts";
import { readPngText } from "../../src/image/png-text.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { pipeline } from "../../src/library/pipeline.ts";
import type { PipelineOptions } from "../../src/library/pipeline-options.ts";
import type { ImageEvent } from "../../src/library/results.ts";
import type { TaskName } from "../../src/pipelines/generate-request.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { fixturePath } from "../support/fixtures.ts";

const MODEL = fixturePath("pipelines/sd15/model");
const folder = mkdtempSync(join(tmpdir(), "deepcache-library-"));
const pipe = await pipeline("text-to-image", MODEL);
const short = { seed: 1, steps: 3 } as const;
afterAll(async () => {
  await pipe.dispose();
  rmSync(folder, { recursive: true });
});

describe("a run", () => {
  test("is awaited for its image, which says how it was made and is saved with it", async () => {
    const { image, images, warnings, seeds } = await pipe("a castle by the sea", { ...short, cache: 3 });
    expect(images).toEqual([image]);
    expect([image.width, image.height, image.seed, image.prompt]).toEqual([64, 64, 1, "a castle by the sea"]);
    expect([warnings, seeds]).toEqual([[], [1]]);
    const path = await image.save(join(folder, "new", "castle.png"));
    const bytes = readFileSync(path);
    expect(readPngText(bytes)["parameters"]).toBe(image.parameters);
    expect(image.parameters).toContain("a castle by the sea\nSteps: 3");
    expect(decodePng(bytes).image.data).toEqual(image.data);
  });

  test("is looped over for its events, the last of which is the result that it is awaited for", async () => {
    const run = pipe("a fox", { ...short, previewEvery: 2 });
    const events: ImageEvent[] = [];
    for await (const event of run) events.push(event);
    const told = events.map((event) => (event.type === "phase" ? event.phase : event.type));
    expect(told.filter((name) => name !== "evaluation")).toEqual([
      ...["encode", "load", "denoise", "preview", "preview", "decode", "result"],
    ]);
    const [preview] = events.flatMap((event) => (event.type === "preview" ? event.images : []));
    expect([preview?.seed, preview?.prompt]).toEqual([1, "a fox"]);
    const last = events.at(-1);
    expect(last).toMatchObject({ type: "result", result: { steps: 3 } });
    expect(last?.type === "result" && last.result).toBe(await run);
    const again: ImageEvent[] = [];
    for await (const event of run) again.push(event);
    expect(again).toEqual(events);
  });

  test("goes on without anybody listening, and tells a callback", async () => {
    const told: string[] = [];
    await pipe.generate({ prompt: "a fox", ...short, onEvent: ({ type }) => void told.push(type) });
    expect(told.at(-1)).toBe("result");
  });

  test("is aborted by itself, by a signal, and by leaving its loop", async () => {
    const run = pipe("a fox", { seed: 1, steps: 50 });
    run.abort();
    await expect(run).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    const reason = new Error("enough");
    await expect(pipe("a fox", { seed: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const left = pipe("a fox", { seed: 1, steps: 50 });
    for await (const event of left) if (event.type === "evaluation") break;
    await expect(left).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect((await pipe("a fox", short)).image.width).toBe(64);
  });

  test("gives image i seed + i, which gives the same image alone", async () => {
    const { images, seeds } = await pipe("a fox", { ...short, count: 3 });
    expect(seeds).toEqual([1, 2, 3]);
    expect(images.map(({ seed }) => seed)).toEqual([1, 2, 3]);
    const alone = await pipe("a fox", { ...short, seed: 3 });
    expect(worst(images[2]?.data ?? [], alone.image.data)).toBeLessThanOrEqual(1); // a batch rounds otherwise
    expect(images[2]?.parameters).toBe(alone.image.parameters);
  });

  test("takes a picture in any form and brings it to the size asked for", async () => {
    const picture = plainImage(100, 60, 200);
    const png = encodePng(picture);
    const given = { ...short, strength: 0.7, width: 64, height: 64 };
    const [fromPixels, fromBytes, fromBlob] = [
      await pipe("a fox", { ...given, image: picture }),
      await pipe("a fox", { ...given, image: png }),
      await pipe("a fox", { ...given, image: new Blob([png]) }),
    ];
    expect(fromBytes.image.data).toEqual(fromPixels.image.data);
    expect(fromBlob.image.data).toEqual(fromPixels.image.data);
    const own = await pipe("a fox", { ...short, strength: 0.7, image: picture });
    expect([own.image.width, own.image.height]).toEqual([96, 56]);
    const masked = await pipe("a fox", { ...given, image: picture, mask: plainImage(100, 60), fit: "contain" });
    expect(masked.image.width).toBe(64);
  });
});

describe("options", () => {
  test("may have diffusers' spellings", async () => {
    const theirs = { num_inference_steps: 3, guidance_scale: 3, negative_prompt: "text", num_images_per_prompt: 2 };
    const { steps, guidanceScale, images } = await pipe("a fox", { seed: 1, ...theirs });
    expect([steps, guidanceScale, images.length]).toEqual([3, 3, 2]);
    expect(images[0]?.parameters).toContain("Negative prompt: text");
  });

  test.each<[object, string, string]>([
    [{ guidence_scale: 3 }, "OPTION_UNKNOWN", 'is called "guidence_scale": did you mean "guidanceScale"?'],
    [{ promt: "x" }, "OPTION_UNKNOWN", 'did you mean "prompt"?'],
    [{ whatever: 1 }, "OPTION_UNKNOWN", "there are steps, seed"],
    [{ steps: 3, num_inference_steps: 3 }, "OPTION_INVALID", 'both "steps" and "num_inference_steps"'],
    [{ classes: [1] }, "OPTION_UNKNOWN", 'is called "classes"'],
    [{ steps: 0 }, "OPTION_INVALID", "Cannot generate with steps 0"],
    [{ seed: -1 }, "OPTION_INVALID", "Cannot generate with seed -1"],
    [{ seed: 0.5 }, "OPTION_INVALID", "Cannot generate with seed 0.5"],
    [{ count: 0 }, "OPTION_INVALID", "Cannot generate with count 0"],
    [{ cache: 0 }, "OPTION_INVALID", "interval"],
    [{ cache: { kind: "uniform", interval: 2, brunch: 1 } }, "OPTION_INVALID", "brunch"],
    [{ sampler: "magic" }, "OPTION_INVALID", 'No sampler is called "magic"'],
    [{ guidanceScale: Number.NaN }, "OPTION_INVALID", "Cannot generate with guidance scale NaN"],
    [{ width: 30 }, "OPTION_INVALID", "a positive multiple of 8 is required"],
    [{ mask: plainImage(8, 8) }, "OPTION_INVALID", "no image"],
    [{ fit: "cover" }, "OPTION_INVALID", "no image"],
    [{ fit: "crop", image: plainImage(8, 8) }, "OPTION_INVALID", "one of cover, contain, fill is required"],
    [
      { negativePrompt: 4 },
      "OPTION_INVALID",
      'Cannot use 4 as "negativePrompt": a text or a list of texts is required',
    ],
    [{ vaeTiling: "yes" }, "OPTION_INVALID", "true or false is required"],
    [{ oneGenerator: 0 }, "OPTION_INVALID", "true or false is required"],
    [{ signal: {} }, "OPTION_INVALID", "an AbortSignal is required"],
    [{ onEvent: 3 }, "OPTION_INVALID", "a function is required"],
    [{ image: new Uint8Array([1, 2, 3, 4]) }, "IMAGE_UNREADABLE", "the image"],
    [{ image: join(folder, "missing.png") }, "IMAGE_UNREADABLE", "missing.png"],
  ])("%j is refused with %s", async (options, code, message) => {
    const run = pipe("a fox", { ...short, ...options });
    await expect(run).rejects.toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("are not given twice, and a prompt is a text", async () => {
    const twice = { prompt: "an owl" } as object;
    expect(() => pipe("a fox", twice)).toThrow('Cannot use the option "prompt" beside the first argument');
    await expect(pipe(3 as unknown as string)).rejects.toThrow("a text or a list of texts is required");
  });

  test("that mean nothing are what they say: guidance 0 and seed 0 are no defaults", async () => {
    const { guidanceScale, seeds } = await pipe("a fox", { steps: 2, seed: 0, guidanceScale: 0 });
    expect([guidanceScale, seeds]).toEqual([0, [0]]);
  });
});

describe("pipeline()", () => {
  test("opens the embedded model where none is named, for its own task where none is named", async () => {
    await using embedded = await pipeline();
    expect(embedded.model).toMatchObject({ task: "text-to-image", name: "fluent-scenes", width: 64, multipleOf: 4 });
    expect(embedded.model.device).toBe("cpu");
    const known = await pipeline("text-to-image");
    const { guidanceScale, warnings } = await known("a castle on a teal background", { steps: 2, seed: 1 });
    expect(guidanceScale).toBe(4); // its folder recommends it
    expect(warnings).toEqual([expect.stringContaining('This model does not know "castle"; it knows')]);
    await known.dispose();
  });

  test("opens models of classes and of pixels", async () => {
    const ldm = fixturePath("original/ldm");
    await using classes = await pipeline("class-to-image", `${ldm}/model.ckpt`, {
      config: `${ldm}/config.yaml`,
      cacheFolder: folder,
    });
    const { images } = await classes([3, 4], { seed: 1, steps: 4 });
    expect(images.map(({ prompt }) => prompt)).toEqual(["class 3, tiger shark", "class 4, hammerhead"]);
    await using pixels = await pipeline("unconditional-image", fixturePath("pipelines/ddpm/model"), { memory: "low" });
    expect((await pixels({ count: 2, seed: 1, steps: 3 })).seeds).toEqual([1, 2]);
  });

  test.each<[[TaskName, string, PipelineOptions?], string, string]>([
    [["class-to-image", MODEL], "MODEL_UNSUPPORTED", "it is a model for text-to-image"],
    [["text-to-image", join(folder, "nothing")], "MODEL_NOT_FOUND", "there is no such file or folder"],
    [["text-to-image", folder], "MODEL_UNSUPPORTED", "model_index.json"],
    [["txt2img" as "text-to-image", MODEL], "OPTION_INVALID", 'Cannot use "txt2img" as "task": one of text-to-image'],
    [["text-to-image", MODEL, { devise: "cpu" } as object], "OPTION_UNKNOWN", 'did you mean "device"?'],
    [["text-to-image", MODEL, { threads: 0 }], "OPTION_INVALID", "a whole number from 1 is required"],
    [["text-to-image", MODEL, { queue: "wait" as never }], "OPTION_INVALID", "an object such as"],
    [["text-to-image", MODEL, { queue: { busy: "no" as "wait" } }], "OPTION_INVALID", "one of wait, reject, replace"],
    [["text-to-image", MODEL, { onProgress: 3 as never }], "OPTION_INVALID", "a function is required"],
    [["text-to-image", MODEL, { memory: "lots" as "low" }], "OPTION_INVALID", "one of fast, low is required"],
    [["text-to-image", MODEL, { device: "tpu" as "cpu" }], "OPTION_INVALID", "tpu"],
  ])("%j is refused with %s", async (call, code, message) => {
    await expect(pipeline(...call)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test("opens nothing where its signal is aborted", async () => {
    const reason = new Error("enough");
    await expect(pipeline("text-to-image", MODEL, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("tells by its code that memory ran out", async () => {
    const node = nodeRuntime();
    const runtime: Runtime = {
      ...node,
      load: async () => {
        throw new Error("Non-zero status code returned: Failed to allocate memory for requested buffer of size 8");
      },
    };
    await using own = await pipeline("text-to-image", MODEL, { runtime });
    await expect(own("a fox", short)).rejects.toThrow(
      expect.objectContaining({ code: "OUT_OF_MEMORY", message: expect.stringContaining("size 8") }),
    );
  });

  test("keeps nothing of a run that failed", async () => {
    await using own = await pipeline("text-to-image", MODEL);
    await expect(own("a fox", { ...short, width: 30 })).rejects.toThrow();
    expect((await own("a fox", short)).steps).toBe(3);
    expect(existsSync(join(folder, "missing.png"))).toBe(false);
  });
});

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? 0))));
