import { describe, expect, test } from "vitest";
import type { Denoiser } from "../../src/diffusion/denoiser.ts";
import { revisedRun } from "../../src/diffusion/revised-run.ts";
import type { NoiseSource } from "../../src/diffusion/sampler.ts";
import { SAMPLER_NAMES, samplerNamed } from "../../src/diffusion/samplers.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const base = readSchedulerConfig({ _class_name: "DDIMScheduler", beta_schedule: "scaled_linear", clip_sample: false });
const start: Tensor = { shape: [1, 1, 2, 2], data: Float32Array.of(0.5, -1, 2, 0.1) };
const noise: NoiseSource = (shape) => ({ shape, data: Float32Array.of(0.3, 0.1, -0.7, 0.2) });
const network: Denoiser = {
  predict: async ({ data, shape }, timestep) => ({ shape, data: data.map((x) => Math.sin(x + timestep / 200)) }),
};

describe.each(SAMPLER_NAMES)("revisedRun() of %s", (name) => {
  const sampler = samplerNamed(name, base, { steps: 6 });

  test("changes nothing where nothing is revised", async () => {
    const samples = async (steps: AsyncIterable<{ readonly sample: Tensor }>): Promise<Tensor[]> => {
      const all: Tensor[] = [];
      for await (const { sample } of steps) all.push(sample);
      return all;
    };
    const plain = await samples(sampler.sample(network, start, noise));
    expect(await samples(revisedRun(sampler.sample(network, start, noise), (sample) => sample))).toEqual(plain);
  });

  test("shows the network what the sample was revised to", async () => {
    const shown: Tensor[] = [];
    const watched: Denoiser = {
      predict: (sample, timestep) => {
        shown.push(sample);
        return network.predict(sample, timestep);
      },
    };
    const revise = ({ shape }: Tensor, evaluation: number): Tensor => ({
      shape,
      data: Float32Array.of(1, 2, 3, evaluation),
    });
    for await (const { sample, evaluation } of revisedRun(sampler.sample(watched, start, noise), revise)) {
      expect(sample.data).toEqual(Float32Array.of(1, 2, 3, evaluation));
    }
    expect(shown).toHaveLength(sampler.timesteps.length);
    shown.slice(1).forEach(({ data }, evaluation) => {
      const [first = 0] = data; // the sampler may scale the network's input
      const expected = [1, 2, 3, evaluation];
      expected.forEach((value, i) => {
        expect(data[i]! / first).toBeCloseTo(value, 5);
      });
    });
  });

  test("ends the run when it is left", async () => {
    const run = sampler.sample(network, start, noise);
    for await (const _ of revisedRun(run, (sample) => sample)) break;
    expect(await run.next()).toEqual({ done: true, value: undefined });
  });
});
