import { describe, expect, test } from "vitest";
import type { Denoiser } from "../../src/diffusion/denoiser.ts";
import type { Sampler } from "../../src/diffusion/sampler.ts";
import { plms } from "../../src/diffusion/samplers/linear-multistep/plms.ts";
import { samplerFromConfig } from "../../src/diffusion/samplers.ts";
import { schedulerConfigAs } from "../../src/diffusion/scheduler-config.ts";
import { latentDiffusionConfig, latentDiffusionTimesteps } from "../../src/diffusion/schedules/original-schedules.ts";
import { type Tensor, zeros } from "../../src/tensor/tensor.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { MULTISTEP_TRAJECTORY } from "../support/assertions/tolerances.ts";

const config = latentDiffusionConfig({ linear_start: 0.0015, linear_end: 0.0195 });
const start = torchGenerator(0).randn([2, 3, 4, 4]);

const network: Denoiser = {
  async predict({ data, shape }, timestep) {
    return { data: data.map((x) => 0.6 * Math.sin(1.5 * x + timestep / 200) + 0.2 * x), shape };
  },
};

async function samplesOf(sampler: Sampler, begin = 0): Promise<Tensor[]> {
  const samples: Tensor[] = [];
  for await (const { sample } of sampler.sample(network, start, zeros, begin)) samples.push(sample);
  return samples;
}

describe("plms()", () => {
  test.each([2, 4, 20, 50, 250])("of %i steps ends each step where PNDM without Runge-Kutta does", async (steps) => {
    const fields = { skip_prk_steps: true, set_alpha_to_one: false, steps_offset: 1 };
    const reference = samplerFromConfig(schedulerConfigAs("PNDMScheduler", config, fields), { steps });
    const sampler = plms(config, latentDiffusionTimesteps(steps));
    expect(sampler.timesteps).toEqual(reference.timesteps);
    const [actual, expected] = [await samplesOf(sampler), await samplesOf(reference)];
    expect(actual).toHaveLength(steps + 1);
    actual.forEach((sample, i) => {
      expect(sample, `evaluation ${i}`).toBeCloseTensor(expected[i] as Tensor, MULTISTEP_TRAJECTORY);
    });
  });

  test("goes through timesteps at any distance, the second one twice", async () => {
    const sampler = plms(config, latentDiffusionTimesteps(30));
    expect(sampler.timesteps.slice(0, 4)).toEqual([991, 958, 958, 925]);
    expect(sampler.timesteps.at(-1)).toBe(1);
    expect(sampler.timesteps).toHaveLength(32);
    expect((await samplesOf(sampler)).at(-1)?.data.every(Number.isFinite)).toBe(true);
  });

  test("of one step looks at it twice", () => {
    expect(plms(config, [1]).timesteps).toEqual([1, 1]);
  });

  test("begins anywhere but at the second look", async () => {
    const sampler = plms(config, latentDiffusionTimesteps(10));
    expect(await samplesOf(sampler, 4)).toHaveLength(7);
    await expect(samplesOf(sampler, 1)).rejects.toThrow("Cannot begin at evaluation 1");
    await expect(samplesOf(sampler, 11)).rejects.toThrow("evaluations 0 to 10");
  });
});
