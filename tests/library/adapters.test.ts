import { expect, test } from "vitest";
import { pipeline } from "../../src/library/pipeline.ts";
import { fixturePath } from "../support/fixtures.ts";

const pipe = await pipeline("text-to-image", fixturePath("pipelines/sd15/model"));
const kohya = fixturePath("adapters/sd15/kohya.safetensors");
const style = fixturePath("adapters/sd15/embedding-a1111.safetensors");
const short = { seed: 1, steps: 2 } as const;

const pixels = async (prompt: string, options: Parameters<typeof pipe>[1] = {}): Promise<readonly number[]> => {
  const { image } = await pipe(prompt, { ...short, ...options });
  return [...image.data];
};

test("a LoRA is a text, an object, or one of a list, with its strengths", async () => {
  const halved = await pixels("a fox", { loras: `${kohya}:0.5` });
  expect(halved).not.toEqual(await pixels("a fox"));
  expect(await pixels("a fox", { loras: { path: kohya, strength: 0.5 } })).toEqual(halved);
  expect(await pixels("a fox", { loras: [{ path: kohya, unet: 0.5, text: 0.5 }] })).toEqual(halved);
  expect(await pixels("a fox", { loras: [] })).toEqual(await pixels("a fox"));
});

test("an embedding stands for its word, and weights are read where they are asked for", async () => {
  const embeddings = { mystyle: style };
  expect(await pixels("a mystyle fox", { embeddings })).not.toEqual(await pixels("a mystyle fox"));
  expect(await pixels("a fox", { embeddings })).toEqual(await pixels("a fox"));
  expect(await pixels("a (fox)", { promptWeights: true })).toEqual(
    await pixels("a (fox:1.1)", { promptWeights: true }),
  );
  expect(await pixels("a fox", { promptWeights: true })).toEqual(await pixels("a fox"));
});

test.each([
  [{ loras: 3 }, 'Cannot use 3 as "loras": a text or an object with a path, or a list of those, is required'],
  [{ loras: [{ strength: 1 }] }, 'as "loras": a text or an object with a path, or a list of those, is required'],
  [{ loras: { path: kohya, strength: Number.NaN } }, "LoRA strength"],
  [{ embeddings: ["a.pt"] }, 'Cannot use ["a.pt"] as "embeddings": an object of names and files is required'],
  [{ promptWeights: "yes" }, 'Cannot use "yes" as "promptWeights": true or false is required'],
])("%o is refused", async (options, message) => {
  await expect(pipe("a fox", { ...short, ...(options as object) })).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: expect.stringContaining(message),
  });
});
