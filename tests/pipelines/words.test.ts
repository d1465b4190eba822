import { describe, expect, test } from "vitest";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { encodePrompts } from "../../src/pipelines/text-to-image/prompt-encoder.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { withAdapters } from "../../src/systems/parts/adapters.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
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
