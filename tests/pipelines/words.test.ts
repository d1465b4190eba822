import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { joinPieces } from "../../src/checkpoint/bytes/join-pieces.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { encodePrompts } from "../../src/pipelines/text-to-image/prompt-encoder.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { withAdapters } from "../../src/systems/parts/with-adapters.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import type { TextEncoder } from "../../src/systems/text-encoder.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { ADAPTED_LATENTS, PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";

const plain = await openStableDiffusion(fixturePath("pipelines/sd15/model"));
const file = (name: string): string => fixturePath(`adapters/sd15/${name}`);

describe.each(["safetensors", "pt"])("embeddings in .%s", (ending) => {
  const golden = readFixture("adapters/sd15/textual-inversion.safetensors");
  const call = JSON.parse(golden.metadata["call"] ?? "");
  const embeddings = { mystyle: file(`embedding-a1111.${ending}`), "<toy>": file("learned_embeds.safetensors") };

  test("stand for words as in the reference", async () => {
    const { model } = await withAdapters(plain, { embeddings });
    const ids = model.tokenizer.encode(call.prompt).ids;
    expect(ids).toEqual([...golden.tensor("ids").data]);
    const { embeddings: made } = await encodePrompts(nodeRuntime(), model, [call.prompt], { skip: 0 });
    expect(made).toBeCloseTensor(golden.tensor("prompt_embeds"), PIPELINE_LATENTS);
    const negative = await encodePrompts(nodeRuntime(), model, [call.negative_prompt], { skip: 0 });
    expect(negative.embeddings).toBeCloseTensor(golden.tensor("negative_prompt_embeds"), PIPELINE_LATENTS);
  });

  test("lead where the reference's lead", async () => {
    const model = { ...plain, scheduler: readSchedulerConfig(JSON.parse(golden.metadata["scheduler"] ?? "")) };
    await using pipeline = textToImage(model, { runtime: nodeRuntime() });
    const { latents } = await pipeline.generate(
      {
        prompt: call.prompt,
        negativePrompt: call.negative_prompt,
        steps: call.num_inference_steps,
        guidanceScale: call.guidance_scale,
        ...{ width: call.width, height: call.height },
        seed: Number(golden.metadata["seed"]),
        embeddings,
      },
      { latentsOnly: true },
    );
    expect(latents).toBeCloseTensor(golden.tensor("latents"), ADAPTED_LATENTS);
  });
});

describe("weighted prompts", () => {
  const golden = readFixture("adapters/sd15/prompt-weights.safetensors");
  const prompts = JSON.parse(golden.metadata["prompts"] ?? "[]") as readonly string[];

  test.each(prompts.map((prompt, i) => [prompt, i] as const))(
    "%s is what the reference makes of it",
    async (prompt, i) => {
      const { embeddings } = await encodePrompts(nodeRuntime(), plain, [prompt], { skip: 0, weighted: true });
      expect(embeddings).toBeCloseTensor(golden.tensor(`${i}.embeds`), PIPELINE_LATENTS);
    },
  );
});

/** What the encoder's table has for the words of a text. */
async function vectorsOf({ tokenizer, textEncoder }: TextEncoder, text: string): Promise<Tensor> {
  const { weights, config } = textEncoder;
  const key = [...weights.keys()].find((name) => name.endsWith("embeddings.token_embedding.weight")) ?? "";
  const weight = weights.get(key);
  if (weight === undefined) throw new TypeError("The text encoder has no table");
  const { data } = await readTensor(weight);
  const rows = tokenizer.tokens(text).map((id) => data.slice(id * config.width, (id + 1) * config.width));
  return { data: Float32Array.from(rows.flatMap((row) => [...row])), shape: [rows.length, config.width] };
}

describe.each(["sd15", "sdxl"])("an embedding with the vectors of plain words, for %s", async (kind) => {
  const base = await openStableDiffusion(fixturePath(`pipelines/${kind}/model`));
  const { second } = base;
  const said = "red cat";
  const tensors: Readonly<Record<string, Tensor>> =
    second === undefined
      ? { emb_params: await vectorsOf(base, said) }
      : { clip_l: await vectorsOf(base, said), clip_g: await vectorsOf(second, said) };
  const embeddings = { "<word>": memorySource(await joinPieces(encodeSafetensors(tensors)), "word.safetensors") };

  const latentsOf = async (prompt: string, negativePrompt: string, promptWeights: boolean, adapted: boolean) => {
    await using pipeline = textToImage(base, { runtime: nodeRuntime() });
    const { latents } = await pipeline.generate(
      {
        ...{ prompt, negativePrompt, promptWeights, steps: 2, width: 64, height: 64, seed: 3 },
        ...(adapted ? { embeddings } : {}),
      },
      { latentsOnly: true },
    );
    return latents;
  };

  test.each([
    ["in a prompt", "a WORD on a hill", "blurry", false],
    ["in a negative prompt", "a hill", "bad WORD, blurry", false],
    ["with a weight", "a (WORD:1.4) on a hill", "[WORD]", true],
  ])("is what they are %s", async (_, prompt, negative, weighted) => {
    const say = (word: string) => [prompt.replace("WORD", word), negative.replace("WORD", word)] as const;
    const expected = await latentsOf(...say(said), weighted, false);
    expect(await latentsOf(...say("<word>"), weighted, true)).toBeCloseTensor(expected, PIPELINE_LATENTS);
    const without = await latentsOf(...say(""), weighted, false);
    expect(without).not.toBeCloseTensor(expected, PIPELINE_LATENTS);
  });
});

test.each(["cat", "Cat", "<|endoftext|>"])("an embedding is not named %s, a word of the vocabulary", async (name) => {
  await expect(withAdapters(plain, { embeddings: { [name]: file("embedding-a1111.pt") } })).rejects.toThrow(
    `Cannot name an embedding "${name}": the vocabulary of "${plain.folder}" has that word, one that it lacks is required`,
  );
});

test("brackets are letters, and what is beyond 77 tokens has no effect, unless prompts are weighted", async () => {
  const read = (prompt: string, weighted: boolean) =>
    encodePrompts(nodeRuntime(), plain, [prompt], { skip: 0, weighted });
  const [letters, weights] = [await read("a (fox:1.3)", false), await read("a (fox:1.3)", true)];
  expect(letters.embeddings).not.toBeCloseTensor(weights.embeddings, PIPELINE_LATENTS);
  const long = `${"a ".repeat(80)} fox`;
  const [cut, whole] = [await read(long, false), await read(long, true)];
  expect([cut.embeddings.shape[1], cut.warnings.length]).toEqual([77, 1]);
  expect([whole.embeddings.shape[1], whole.warnings.length]).toEqual([154, 0]);
});
