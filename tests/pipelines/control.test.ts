import { describe, expect, test } from "vitest";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { crop } from "../../src/image/geometry/crop.ts";
import { type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";
import type { ControlNetConfig } from "../../src/models/control/control-network.ts";
import type { ControlOptions } from "../../src/pipelines/text-to-image/control/control-options.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openModel } from "../../src/systems/open-model.ts";
import type { StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import { ADAPTED_LATENTS } from "../support/assertions/tolerances.ts";
import { type FixtureFile, fixturePath, readFixture } from "../support/fixtures.ts";
import { withInpaintingUNet } from "./golden-run.ts";

type Kind = "sd15" | "sdxl";

interface Case {
  readonly conditioning?: {
    readonly controlnet_conditioning_scale: number | readonly number[];
    readonly control_guidance_start?: number;
    readonly control_guidance_end?: number;
    readonly guess_mode?: boolean;
  };
  readonly "interval,branch"?: readonly [number, number] | null;
  readonly adapter_conditioning_scale?: number;
}

const goldenOf = (kind: Kind): FixtureFile => readFixture(`adapters/${kind}/control.safetensors`);

async function steered(kind: Kind, networks: readonly string[]): Promise<StableDiffusionModel> {
  const controls = networks.map((name) => fixturePath(`adapters/${kind}/${name}`));
  const opened = await openModel({ path: fixturePath(`pipelines/${kind}/model`), tokenizer: "", controls });
  if (opened.kind !== "text-to-image") throw new Error("The fixture is a text-to-image model");
  const { scheduler = "" } = goldenOf(kind).metadata;
  return scheduler.startsWith("{")
    ? { ...opened.model, scheduler: readSchedulerConfig(JSON.parse(scheduler)) }
    : opened.model;
}

/** The options of a stored run, without what steers it. */
function callOf({ metadata }: FixtureFile) {
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

function picture(golden: FixtureFile, index: number): RgbImage {
  const { data, shape } = golden.tensor(`image.${index}`);
  return rgbImage(shape[1] ?? 0, shape[0] ?? 0, Uint8Array.from(data));
}

const asked = ({ conditioning, adapter_conditioning_scale: adapterScale }: Case): ControlOptions => ({
  controlScale: conditioning?.controlnet_conditioning_scale ?? adapterScale,
  controlStart: conditioning?.control_guidance_start,
  controlEnd: conditioning?.control_guidance_end,
  guessMode: conditioning?.guess_mode,
});

/** Settings that change a stored ControlNet, by the stored run that has them. */
const SETTINGS: Readonly<Record<string, Partial<ControlNetConfig>>> = {
  pooled: { pooled: true },
  bgr: { blueFirst: true },
};

function withSettings(model: StableDiffusionModel, settings: Partial<ControlNetConfig>): StableDiffusionModel {
  const controls = model.controls?.map(({ name, network }) =>
    network.kind === "controlnet"
      ? { name, network: { ...network, config: { ...network.config, ...settings } } }
      : { name, network },
  );
  return { ...model, controls };
}

const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  two: ["controlnet-0", "controlnet-1"],
  t2i: ["t2i-adapter"],
};

describe.each(["sd15", "sdxl"] as const)("%s", (kind) => {
  const golden = goldenOf(kind);
  const cases = Object.entries(JSON.parse(golden.metadata["cases"] ?? "{}") as Record<string, Case>);

  test.each(cases)("%s ends where the reference ends", async (name, stored) => {
    const networks = NETWORKS[name] ?? ["controlnet-0"];
    await using pipeline = textToImage(await steered(kind, networks), { runtime: nodeRuntime() });
    const [interval, branch] = stored["interval,branch"] ?? [];
    const { latents } = await pipeline.generate(
      {
        ...callOf(golden),
        ...asked(stored),
        controlImage: networks.map((_, i) => picture(golden, i)),
        cache: interval === undefined || branch === undefined ? "off" : { kind: "uniform", interval, branch },
      },
      { latentsOnly: true },
    );
    expect(latents).toBeCloseTensor(golden.tensor(name), ADAPTED_LATENTS);
  });
});

describe("a steered run beside those", () => {
  const golden = goldenOf("sd15");
  const more = readFixture("adapters/sd15/control-more.safetensors");
  const [shown, started] = [picture(golden, 0), picture(golden, 1)];
  const left = rgbImage(
    64,
    64,
    Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => ((i / 3) % 64 < 32 ? 255 : 0)),
  );
  const start = { image: started, strength: 0.5 };
  const paint = { image: started, mask: left, strength: 1 };

  test.each([
    ["original", "controlnet-0-original.safetensors", {}],
    ["stretched", "controlnet-0", { controlImage: crop(shown, { left: 3, top: 5, width: 47, height: 35 }) }],
    ["pooled", "controlnet-0", {}],
    ["bgr", "controlnet-0", {}],
    ["image", "controlnet-0", start],
    ["inpaint", "controlnet-0", paint],
    ["inpaint9", "controlnet-0", paint],
  ])("ends where the reference ends: %s", async (name, network, options) => {
    const plain = await steered("sd15", [network]);
    const model = name === "inpaint9" ? await withInpaintingUNet(plain) : withSettings(plain, SETTINGS[name] ?? {});
    await using pipeline = textToImage(model, { runtime: nodeRuntime() });
    const asked = { ...callOf(golden), steps: 8, controlScale: 0.8, controlImage: shown, ...options };
    const { latents } = await pipeline.generate(asked, { latentsOnly: true });
    expect(latents).toBeCloseTensor(more.tensor(name), ADAPTED_LATENTS);
  });
});

test("SDXL's T2I-Adapter ends where the reference ends", async () => {
  await using pipeline = textToImage(await steered("sdxl", ["t2i-xl"]), { runtime: nodeRuntime() });
  const { latents } = await pipeline.generate(
    {
      ...{ prompt: "a fox", negativePrompt: "blurry", steps: 6, seed: 11, guidanceScale: 5, width: 64, height: 64 },
      ...{ controlImage: picture(goldenOf("sdxl"), 0), controlScale: 0.7 },
    },
    { latentsOnly: true },
  );
  expect(latents).toBeCloseTensor(readFixture("adapters/sdxl/t2i.safetensors").tensor("xl"), ADAPTED_LATENTS);
});
