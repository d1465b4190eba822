import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import type { TextToImageOptions } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { unconditional } from "../../src/pipelines/unconditional/unconditional.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import { openUnconditional } from "../../src/systems/unconditional.ts";
import { NETWORK_CALL, PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { unetCase } from "../support/models/unet-cases.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";

const MODEL = await openStableDiffusion(fixturePath("pipelines/sd15/model"));
const OPTIONS: TextToImageOptions = {
  prompt: "a fox",
  steps: 3,
  seed: 1,
  width: 64,
  height: 64,
  cache: { kind: "uniform", interval: 2, branch: 0 },
};

test("low memory widens half-precision weights to the same prediction", async () => {
  const { config, weights } = await openComponent(fixturePath("models/unet-fp16"));
  const io = readFixture("models/unet-fp16/io.safetensors");
  const { shape, feeds } = unetCase(io, "case0.");
  const { graph } = unet(unetConfig(config), shape, weights);
  await using session = await nodeRuntime({ lowMemory: true }).load(graph);
  for (let run = 0; run < 2; run++) {
    const { prediction } = await session.run(feeds);
    expect(await prediction?.download()).toBeCloseTensor(io.tensor("case0.output"), NETWORK_CALL);
  }
});

test("low memory gives the same image within rounding", async () => {
  await using usual = textToImage(MODEL, { runtime: nodeRuntime() });
  await using low = textToImage(MODEL, { runtime: nodeRuntime({ lowMemory: true }), keepLoaded: false });
  const [expected, actual] = [await usual.generate(OPTIONS), await low.generate({ ...OPTIONS, vaeTiling: true })];
  expect(actual.latents).toBeCloseTensor(expected.latents, PIPELINE_LATENTS);
  expect(actual.images[0]).toMatchObject({ width: 64, height: 64 });
});

describe("networks", () => {
  /** The most sessions at a time, how many were loaded, and how many are left after two runs. */
  async function count(keepLoaded: boolean | undefined, changes: Partial<TextToImageOptions> = {}) {
    let [most, loads] = [0, 0];
    const runtime = countingRuntime(nodeRuntime(), {
      beforeLoad: () => {
        loads++;
        most = Math.max(most, runtime.sessions + 1);
      },
    });
    await using pipeline = textToImage(MODEL, { runtime, ...(keepLoaded === undefined ? {} : { keepLoaded }) });
    for (let run = 0; run < 2; run++) await pipeline.generate({ ...OPTIONS, ...changes });
    return { most, loads, left: runtime.sessions, tensors: runtime.tensors };
  }

  test("stay loaded from run to run, the text encoder excepted", async () => {
    // the text encoder twice; prelude, full and cached evaluation and decoder once
    expect(await count(undefined)).toEqual({ most: 5, loads: 6, left: 4, tensors: 0 });
  });

  test("are released as soon as a run is done with them, where they are not kept", async () => {
    expect(await count(false)).toEqual({ most: 3, loads: 10, left: 0, tensors: 0 });
  });

  test("are loaded for every preview, where they are not kept", async () => {
    expect(await count(false, { previewEvery: 2 })).toEqual({ most: 4, loads: 14, left: 0, tensors: 0 });
  });

  test("are not left behind by a run that is left", async () => {
    const runtime = countingRuntime(nodeRuntime());
    await using pipeline = textToImage(MODEL, { runtime, keepLoaded: false });
    for await (const event of pipeline.stream(OPTIONS)) if (event.type === "evaluation") break;
    expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
  });

  test("of a model without prompts are released as well", async () => {
    const runtime = countingRuntime(nodeRuntime());
    const model = await openUnconditional(fixturePath("pipelines/ddpm/model"));
    await using pipeline = unconditional(model, { runtime, keepLoaded: false });
    await pipeline.generate({ steps: 2, seed: 1 });
    expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
  });
});
