import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CachePolicy } from "../../src/deepcache/policies.ts";
import { guidedDenoiser } from "../../src/denoisers/guided.ts";
import { loadUNet, startDenoiser } from "../../src/denoisers/unet-run.ts";
import { unet } from "../../src/models/unet/unet.ts";
import {
  type ClassConditionalPipeline,
  classConditional,
} from "../../src/pipelines/class-conditional/class-conditional.ts";
import type { ClassConditionalOptions } from "../../src/pipelines/class-conditional/class-conditional-options.ts";
import { latentDiffusionSampler } from "../../src/pipelines/class-conditional/latent-diffusion-sampler.ts";
import type { GenerationResult, PipelineEvent } from "../../src/pipelines/run/events.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { type LatentDiffusionModel, openLatentDiffusion } from "../../src/systems/latent-diffusion.ts";
import { zeros } from "../../src/tensor/tensor.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { DDIM_RUN, PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture, row } from "../support/fixtures.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";

const golden = readFixture("original/ldm/samples.safetensors");

let model: LatentDiffusionModel;
let pipeline: ClassConditionalPipeline;
beforeAll(async () => {
  model = await openLatentDiffusion(fixturePath("original/ldm/model.ckpt"), fixturePath("original/ldm/config.yaml"));
  pipeline = classConditional(model, { runtime: nodeRuntime() });
});
afterAll(async () => {
  await pipeline[Symbol.asyncDispose]();
});

const uniform = (interval: number, branch = 0): CachePolicy => ({ kind: "uniform", interval, branch });

describe("a whole run of the original code", () => {
  const classes = [...golden.tensor("class").data];
  const start = golden.tensor("x_T");
  const fullSteps = JSON.parse(golden.metadata["slow_steps"] ?? "") as Record<string, number[]>;

  test("is followed step by step", async () => {
    const [without, context] = [golden.tensor("context.uncond"), golden.tensor("context")];
    const both = { data: Float32Array.of(...without.data, ...context.data), shape: [4, 1, 16] };
    const shape = { batch: 4, height: 12, width: 12, contextLength: 1 };
    const graph = unet(model.unet.config, shape, model.unet.weights);
    await using network = await loadUNet(nodeRuntime(), graph, {});
    const run = { conditioning: { encoder_hidden_states: both }, now: () => 0 };
    using inner = startDenoiser(network, { full: new Set() }, run);
    const { sampler } = latentDiffusionSampler(model.scheduler, { sampler: "ddim", steps: 20, eta: 0 });
    expect(sampler.timesteps).toEqual([...golden.tensor("timesteps").data]);
    const expected = golden.tensor("none.x_inter");
    expect(row(expected, 0)).toEqual(start);
    let steps = 0;
    for await (const { sample } of sampler.sample(guidedDenoiser(inner, { scale: 1.5 }), start, zeros)) {
      expect(sample, `after step ${steps}`).toBeCloseTensor(row(expected, ++steps), DDIM_RUN);
    }
    expect(steps).toBe(20);
  });

  test.each<[string, CachePolicy]>([
    ["none", { kind: "off" }],
    ["n2", uniform(2)],
    ["n3", uniform(3)],
    ["n5", uniform(5)],
    ["n5-pow1.5", { kind: "quadratic", interval: 5, power: 1.5, branch: 0 }],
  ])("ends where it ends, %s", async (name, cache) => {
    const { latents, images, full, sampler } = await pipeline.generate({ classes, steps: 20, latents: start, cache });
    expect(sampler).toBe("ddim");
    expect(full).toEqual(fullSteps[name]);
    expect(latents).toBeCloseTensor(golden.tensor(`${name}.final`), DDIM_RUN);
    const expected = golden.tensor(`${name}.uint8`);
    expect(images).toHaveLength(2);
    images.forEach((image, i) => {
      const pixels = row(expected, i).data;
      const worst = pixels.reduce((most, pixel, j) => Math.max(most, Math.abs(pixel - (image.data[j] ?? 0))), 0);
      expect(image.data).toHaveLength(pixels.length);
      expect(worst, `image ${i}`).toBeLessThanOrEqual(1);
    });
  });

  test("looks the same classes up, the last of them for none", () => {
    const embedding = (id: number): Float32Array => row(model.classEmbedding, id).data;
    classes.forEach((id, i) => {
      expect(embedding(id)).toEqual(row(golden.tensor("context"), i).data);
      expect(embedding(Number(golden.metadata["uncond_class"]))).toEqual(row(golden.tensor("context.uncond"), i).data);
    });
  });
});

describe("guidance of the original code", () => {
  const run = { classes: [3], steps: 10, seed: 5 };

  test("leads half the way at scale 0.5", async () => {
    const { latents } = await pipeline.generate({ ...run, guidanceScale: 0.5 });
    const stored = readFixture("original/samplers.safetensors").tensor("ldm-scale-half");
    expect(latents).toBeCloseTensor(stored, DDIM_RUN);
  });

  test("runs without the class at scale 0, and leads away from it below", async () => {
    const none = await pipeline.generate({ ...run, classes: [10], guidanceScale: 1 });
    const zero = await pipeline.generate({ ...run, guidanceScale: 0 });
    expect(zero.latents).toBeCloseTensor(none.latents, PIPELINE_LATENTS);
    const below = await pipeline.generate({ ...run, guidanceScale: -1 });
    expect(below.guidanceScale).toBe(-1);
    expect(below.latents.data).not.toEqual(zero.latents.data);
    expect(below.macs.full).toBe(zero.macs.full);
  });
});

describe("a pipeline", () => {
  const base: ClassConditionalOptions = { classes: [3], steps: 4, seed: 5 };
  const generate = (change: Partial<ClassConditionalOptions> = {}): Promise<GenerationResult> =>
    pipeline.generate({ ...base, ...change });

  test("starts from the noise that torch draws, one generator for the whole run", async () => {
    const noise = torchGenerator(5).randn([1, 3, 12, 12]);
    expect((await generate({ latents: noise })).latents).toEqual((await generate()).latents);
    const noisy = await generate({ eta: 1 });
    expect(noisy.latents).not.toEqual((await generate()).latents);
    expect((await generate({ eta: 1 })).latents).toEqual(noisy.latents);
    expect((await generate({ eta: 1, latents: noise })).latents).not.toEqual(noisy.latents); // the first draw is left
  });

  test("gives the same image for the same options, whatever ran before", async () => {
    const cache = uniform(2, 1);
    const first = await generate({ cache });
    await generate({ cache, classes: [7], seed: 6 });
    await generate({ cache, classes: [1, 2], count: 2, steps: 2 });
    const again = await generate({ cache });
    expect(again.latents).toEqual(first.latents);
    expect(again.images).toEqual(first.images);
  });

  test.each([0, 1, 2, 3])("at branch %i and interval 1 gives the uncached image", async (branch) => {
    const whole = await generate();
    const everyOne = await generate({ cache: uniform(1, branch) });
    expect(everyOne.full).toEqual(whole.full);
    expect(everyOne.latents).toBeCloseTensor(whole.latents, PIPELINE_LATENTS);
    expect(everyOne.macs).toMatchObject({ total: whole.macs.total, uncached: whole.macs.uncached });
    const cached = await generate({ cache: uniform(4, branch) });
    expect(cached.full).toEqual([0]);
    expect(cached.latents).not.toEqual(whole.latents);
    expect(cached.macs.total).toBeLessThan(whole.macs.total);
  });

  test("makes as many images of each class as asked for, classes in order", async () => {
    const { images, latents } = await generate({ classes: [4, 2], count: 2 });
    expect(images).toHaveLength(4);
    expect(images[0]).toMatchObject({ width: 48, height: 48 });
    const noise = torchGenerator(5).randn([4, 3, 12, 12]);
    const alone = await generate({ classes: [2], latents: { ...row(noise, 3), shape: [1, 3, 12, 12] } });
    expect(row(alone.latents, 0)).toBeCloseTensor(row(latents, 3), PIPELINE_LATENTS);
  });

  test("runs no unconditional half at a guidance scale of 1, and means 0 as 0", async () => {
    const guided = await generate();
    const one = await generate({ guidanceScale: 1 });
    const zero = await generate({ guidanceScale: 0 });
    expect(guided.macs.full / one.macs.full).toBeCloseTo(1.99741, 5);
    expect(zero.macs.full).toBe(guided.macs.full);
    expect(zero.latents).not.toEqual(guided.latents);
    expect(guided.latents).not.toEqual(one.latents);
    expect((await generate({ guidanceScale: 1.5 })).latents).toEqual(guided.latents);
  });

  test("takes no class for a class", async () => {
    const none = await generate({ classes: [10] });
    const alone = await generate({ classes: [10], guidanceScale: 1 });
    expect(none.latents).toBeCloseTensor(alone.latents, PIPELINE_LATENTS);
  });

  test("takes seed 0 as a seed and draws one where none is given", async () => {
    expect((await generate({ seed: 0 })).seed).toBe(0);
    const drawn = await generate({ seed: undefined });
    expect((await generate({ seed: drawn.seed })).latents).toEqual(drawn.latents);
  });

  test("takes 250 steps, and more where they do not divide the schedule", async () => {
    const { sampler } = latentDiffusionSampler(model.scheduler, { sampler: "ddim", steps: 30, eta: 0 });
    expect([sampler.timesteps.length, sampler.planned]).toEqual([31, undefined]);
    const controller = new AbortController();
    for await (const event of pipeline.stream({ classes: [0], signal: controller.signal })) {
      if (event.type === "phase" && event.phase !== "denoise") continue;
      if (event.type === "evaluation") {
        expect(event).toMatchObject({ evaluation: 0, evaluations: 250, timestep: 997 });
        break;
      }
    }
  });

  test("samples by PLMS, whose second look at the first step is never full", async () => {
    const { sampler, evaluations, full, latents } = await generate({ sampler: "plms", cache: uniform(2) });
    expect([sampler, evaluations]).toEqual(["plms", 5]);
    expect(full).toEqual([0, 2]);
    expect(latents).not.toEqual((await generate({ cache: uniform(2) })).latents);
  });

  test("tells phases, evaluations, previews and the result in order", async () => {
    const events: PipelineEvent[] = [];
    for await (const event of pipeline.stream({ ...base, cache: uniform(2), previewEvery: 2 })) events.push(event);
    const told = events.map((event) => (event.type === "phase" ? event.phase : event.type));
    expect(told.filter((name) => name !== "evaluation" && name !== "preview")).toEqual([
      "encode",
      "load",
      "denoise",
      "decode",
      "result",
    ]);
    const evaluations = events.filter((event) => event.type === "evaluation");
    expect(evaluations.map(({ evaluation, full }) => [evaluation, full])).toEqual([
      [0, true],
      [1, false],
      [2, true],
      [3, false],
    ]);
    const previews = events.filter((event) => event.type === "preview");
    expect(previews.map(({ evaluation }) => evaluation)).toEqual([1, 3]);
    expect(previews[0]?.images[0]).toMatchObject({ width: 48, height: 48 });
  });

  test("stops at an abort and works again afterwards", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const event of pipeline.stream({ ...base, signal: controller.signal })) {
        if (event.type !== "evaluation") continue;
        seen.push(event.evaluation);
        controller.abort();
      }
    };
    await expect(run()).rejects.toThrow(/abort/i);
    expect(seen).toEqual([0]);
    expect((await generate()).evaluations).toBe(4);
  });

  test("frees everything when it is disposed of, results before that", async () => {
    const runtime = countingRuntime(nodeRuntime());
    {
      await using owner = classConditional(model, { runtime });
      await owner.generate({ ...base, cache: uniform(2), previewEvery: 2 });
      expect([runtime.sessions, runtime.tensors]).toEqual([5, 0]); // prelude, head, trunk, tail and decoder
      for await (const event of owner.stream({ ...base, cache: uniform(2) })) if (event.type === "evaluation") break;
      expect([runtime.sessions, runtime.tensors]).toEqual([5, 0]); // prelude, head, trunk, tail and decoder
    }
    expect([runtime.sessions, runtime.tensors]).toEqual([0, 0]);
  });

  test.each([
    [{ classes: [] }, "Cannot generate without a class: give at least one"],
    [{ classes: [11] }, "class 11: a whole number from 0 to 10"],
    [{ classes: [0, 1.5] }, "class 1.5: a whole number from 0 to 10"],
    [{ steps: 0 }, "steps 0: a whole number from 1"],
    [{ steps: 1001 }, "Cannot sample in 1001 steps: required is a whole number from 1 to 1000"],
    [{ steps: 300 }, "spaced by 3 from 1 on, the last timestep would be 1000, beyond 999; possible are 250 and 334"],
    [{ steps: 1000 }, "possible are 500 steps"],
    [{ count: 0 }, "count 0: a whole number from 1"],
    [{ seed: -1 }, "seed -1: a whole number from 0"],
    [{ guidanceScale: Number.NaN }, "guidance scale NaN"],
    [{ eta: Number.NaN }, "eta NaN: required is a number"],
    [{ eta: 0.5, sampler: "plms" }, "Cannot generate with eta 0.5: PLMS adds no noise, so 0 is required"],
    [{ sampler: "euler" as "ddim" }, 'No sampler of latent diffusion models is called "euler"; there are ddim, plms'],
    [{ latents: zeros([1, 3, 12, 13]) }, "Cannot generate from latents [1,3,12,13]: [1,3,12,12] is required"],
    [{ previewEvery: 0 }, "preview interval 0"],
    [{ cache: uniform(0) }, "interval"],
    [{ cache: uniform(2, 4) }, "branches 0 to 3"],
    [{ cache: { kind: "listed", full: [0, 9], branch: 0 } }, "4 evaluations, 0 to 3"],
  ] satisfies [Partial<ClassConditionalOptions>, string][])("refuses %o", async (change, message) => {
    await expect(generate(change)).rejects.toThrow(message);
  });
});
