import { describe, expect, test } from "vitest";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import type { TextToImageOptions } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { LoraChoice } from "../../src/systems/parts/adapters.ts";
import { openStableDiffusion, type StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import { ADAPTED_LATENTS } from "../support/assertions/tolerances.ts";
import { type FixtureFile, fixturePath, readFixture } from "../support/fixtures.ts";

type Kind = "sd15" | "sdxl";

async function openKind(kind: Kind): Promise<StableDiffusionModel> {
  const model = await openStableDiffusion(fixturePath(`pipelines/${kind}/model`));
  const { scheduler = "" } = readFixture(`adapters/${kind}/lora.safetensors`).metadata;
  return scheduler.startsWith("{") ? { ...model, scheduler: readSchedulerConfig(JSON.parse(scheduler)) } : model;
}

/** The options of a stored run. */
function callOf({ metadata }: FixtureFile): TextToImageOptions {
  const call = JSON.parse(metadata["call"] ?? "");
  return {
    prompt: String(call.prompt),
    negativePrompt: call.negative_prompt as string | undefined,
    steps: Number(call.num_inference_steps),
    guidanceScale: Number(call.guidance_scale),
    width: Number(call.width),
    height: Number(call.height),
    seed: Number(metadata["seed"]),
  };
}

describe.each(["sd15", "sdxl"] as const)("%s with LoRA", (kind) => {
  const golden = readFixture(`adapters/${kind}/lora.safetensors`);
  const scale = Number(golden.metadata["scale"]);
  const file = (name: string): string => fixturePath(`adapters/${kind}/${name}.safetensors`);

  function choices(name: string): readonly LoraChoice[] {
    if (name === "base") return [];
    if (!name.includes("+")) return [{ path: file(name.replace(/\..*/, "")), strength: scale }];
    return name.split("+").map((one) => {
      const [, stem = "", strength] = /^(\D+)([\d.]+)$/.exec(one) ?? [];
      return { path: file(stem), strength: Number(strength) };
    });
  }

  test.each([...golden.names])("%s ends where the reference ends", async (name) => {
    await using pipeline = textToImage(await openKind(kind), { runtime: nodeRuntime() });
    const [, interval, branch] = /\.n(\d+)\.b(\d+)$/.exec(name) ?? [];
    const cache =
      interval === undefined
        ? ("off" as const)
        : { kind: "uniform" as const, interval: Number(interval), branch: Number(branch) };
    const asked = { ...callOf(golden), loras: choices(name), ...(cache === "off" ? {} : { cache }) };
    const { latents } = await pipeline.generate(asked, { latentsOnly: true });
    expect(latents).toBeCloseTensor(golden.tensor(name), ADAPTED_LATENTS);
  });

  test("ends there as well where memory is short and LoRA is multiplied beside the layers", async () => {
    await using pipeline = textToImage(await openKind(kind), { runtime: nodeRuntime({ lowMemory: true }) });
    const asked = { ...callOf(golden), loras: choices("peft") };
    const { latents } = await pipeline.generate(asked, { latentsOnly: true });
    expect(latents).toBeCloseTensor(golden.tensor("peft"), ADAPTED_LATENTS);
  });
});
