import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import type { CachePolicy } from "../../src/deepcache/policies.ts";
import { type LoadedUNet, loadUNet, startDenoiser } from "../../src/denoisers/unet-run.ts";
import { samplesToImages } from "../../src/image/samples.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { planRun } from "../../src/pipelines/run/choose-sampler.ts";
import { unconditional } from "../../src/pipelines/unconditional/unconditional.ts";
import {
  settleUnconditional,
  type UnconditionalOptions,
} from "../../src/pipelines/unconditional/unconditional-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { type OriginalDdpm, openOriginalDdpm, type UnconditionalModel } from "../../src/systems/unconditional.ts";
import { type Tensor, zeros } from "../../src/tensor/tensor.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { trainerFile } from "../originals/ddpm-trainer-file.ts";
import { DDIM_RUN } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture, row } from "../support/fixtures.ts";

const ORIGINAL = {
  checkpoint: fixturePath("original/ddpm-cifar/ckpt.pth"),
  config: fixturePath("original/ddpm-cifar/config.yml"),
};
const runtime = nodeRuntime({ threads: 1 }); // the networks are tiny

describe("the DDPM and DDIM code", () => {
  const golden = readFixture("original/ddpm-cifar/samples.safetensors");
  const steps = Number(golden.metadata["timesteps"]);
  const loaded = new Map<number | undefined, Promise<LoadedUNet>>();
  let model: UnconditionalModel;
  beforeAll(async () => {
    model = await openOriginalDdpm(ORIGINAL);
  });
  afterAll(async () => {
    for (const network of loaded.values()) await (await network)[Symbol.asyncDispose]();
  });
  const load = (branch: number | undefined): Promise<LoadedUNet> => {
    const { config, weights } = model.unet;
    const network =
      loaded.get(branch) ?? loadUNet(runtime, unet(config, { batch: 1, height: 16, width: 16 }, weights), { branch });
    loaded.set(branch, network);
    return network;
  };

  /** Walks the fixture's starting noise down; the pipeline itself always draws its own. */
  async function walk(options: UnconditionalOptions): Promise<{ samples: Tensor[]; full: readonly number[] }> {
    const { chosen, cache } = settleUnconditional({ steps, ...options }, model, () => 0);
    const full = planRun(cache, chosen);
    using denoiser = startDenoiser(
      await load(cache.kind === "off" ? undefined : cache.branch),
      { full: new Set(full) },
      {
        conditioning: {},
        now: () => 0,
      },
    );
    const samples: Tensor[] = [];
    for await (const { sample } of chosen.sampler.sample(denoiser, golden.tensor("x_T"), zeros)) samples.push(sample);
    return { samples, full };
  }

  describe.each(["uniform", "quad"] as const)("with %s timesteps", (timestepSelection) => {
    const cached = golden.names.flatMap((key) => {
      const [, interval, branch] = new RegExp(`^${timestepSelection}\\.n(\\d+)\\.b(\\d+)\\.final$`).exec(key) ?? [];
      return interval === undefined ? [] : [{ key, interval: Number(interval), branch: Number(branch) + 1 }];
    });

    test("samples as the code does after every step", async () => {
      const { samples } = await walk({ timestepSelection });
      const expected = golden.tensor(`${timestepSelection}.n1.xs`);
      samples.forEach((sample, i) => {
        const step = row(expected, i + 1);
        expect(row(sample, 0), `step ${i}`).toBeCloseTensor(step, DDIM_RUN);
      });
      expect(samples).toHaveLength(steps);
      const image = golden.tensor(`${timestepSelection}.n1.image`).data;
      const [made] = samplesToImages(samples.at(-1) as Tensor);
      const plane = 16 * 16;
      const worst = image.reduce(
        (most, level, i) =>
          Math.max(most, Math.abs(255 * level - made!.data[(i % plane) * 3 + Math.floor(i / plane)]!)),
        0,
      );
      expect(worst).toBeLessThan(0.52);
    });

    test.each(cached)("caches as the code does: $key", async ({ key, interval, branch }) => {
      const { samples } = await walk({ timestepSelection, cache: { kind: "uniform", interval, branch } });
      expect(samples.at(-1)).toBeCloseTensor(golden.tensor(key), DDIM_RUN);
    });
  });

  test("caches as the code does by its uneven plan", async () => {
    const cache: CachePolicy = { kind: "centered", interval: 4, center: 6, power: 1.4, branch: 2 };
    const { samples, full } = await walk({ cache });
    expect(full).toEqual([...golden.tensor("uniform.nonuniform.full_steps").data]);
    expect(samples.at(-1)).toBeCloseTensor(golden.tensor("uniform.nonuniform.b1.final"), DDIM_RUN);
  });

  test("samples evenly by default, also where the sampler is named", () => {
    const timesteps = (options: UnconditionalOptions) =>
      settleUnconditional(options, model, () => 0).chosen.sampler.timesteps;
    const expected = [...golden.tensor("uniform.seq").data].toReversed();
    expect(timesteps({ steps })).toEqual(expected);
    expect(timesteps({ steps, sampler: "ddim" })).toEqual(expected);
    expect(timesteps({ steps: 16 })).toHaveLength(17); // as in the code, where the steps do not divide
    expect(timesteps({})).toHaveLength(100);
    expect(timesteps({ sampler: "dpmpp-2m" })).toHaveLength(50);
  });

  test("samples as the code's DDPM does, also where quadratic timesteps repeat", async () => {
    const stored = readFixture("original/samplers.safetensors").tensor("ddpm-original-quad-100");
    const run = { steps: 100, sampler: "ddpm", timestepSelection: "quad", count: 2, seed: 5 } as const;
    const text = readFileSync(ORIGINAL.config, "utf8").replace("fixedlarge", "fixedsmall");
    const config = join(temporaryFolder({ "config.yml": text }), "config.yml");
    // The code adds the larger variance whichever one the model was trained with.
    for (const opened of [model, await openOriginalDdpm({ ...ORIGINAL, config })]) {
      await using pipeline = unconditional(opened, { runtime });
      expect((await pipeline.generate(run)).latents).toBeCloseTensor(stored, DDIM_RUN);
    }
  });

  test("adds noise for a negative eta, of the other sign, where diffusers adds none", async () => {
    await using pipeline = unconditional(model, { runtime });
    const run = async (eta: number) => (await pipeline.generate({ steps: 1, eta, seed: 1 })).latents;
    expect(await run(-0.5)).toEqual(await run(0.5)); // the last step adds none
    const two = async (eta: number) => (await pipeline.generate({ steps: 2, eta, seed: 1 })).latents;
    expect((await two(-0.5)).data).not.toEqual((await two(0.5)).data);
    const { chosen } = settleUnconditional({ steps: 2, eta: -0.5 }, model, () => 0);
    let draws = 0;
    const noise = (shape: readonly number[]): Tensor => {
      draws++;
      return zeros(shape);
    };
    const still = { predict: async (sample: Tensor) => zeros(sample.shape) };
    for await (const _ of chosen.sampler.sample(still, zeros([1, 3, 2, 2]), noise)) expect(draws).toBeGreaterThan(0);
  });

  test("clips where it samples as DDPM", async () => {
    await using pipeline = unconditional(model, { runtime });
    const { latents, sampler } = await pipeline.generate({ steps: 10, sampler: "ddpm", seed: 1 });
    expect(sampler).toBe("ddpm");
    expect(Math.max(...latents.data.map(Math.abs))).toBeLessThanOrEqual(1); // the last step leaves the clipped image
  });
});

test("a checkpoint of the trainer samples with its moving average, or with the weights themselves where asked", async () => {
  const { weights } = await readCheckpoint(await fileSource(ORIGINAL.checkpoint));
  const bytes = readFileSync(ORIGINAL.checkpoint);
  const published: Record<string, Tensor> = {};
  for (const [name, { shape, span }] of weights) {
    const data = new Float32Array(Uint8Array.from(bytes.subarray(span.offset, span.offset + span.length)).buffer);
    published[name] = { data, shape };
  }
  const named = Object.entries(published).map(([name, value]) => [`module.${name}`, zeros(value.shape)]);
  const file = trainerFile([Object.fromEntries(named), {}, 3, 1000, published]);
  const folder = temporaryFolder({ "ckpt.pth": file });
  const sample = async (files: OriginalDdpm): Promise<Tensor> => {
    await using pipeline = unconditional(await openOriginalDdpm(files), { runtime });
    return (await pipeline.generate({ steps: 4, seed: 3 })).latents;
  };
  const expected = await sample(ORIGINAL);
  const trained = { ...ORIGINAL, checkpoint: join(folder, "ckpt.pth") };
  expect(await sample(trained)).toEqual(expected);
  expect((await sample({ ...trained, ema: false })).data).not.toEqual(expected.data);
});
