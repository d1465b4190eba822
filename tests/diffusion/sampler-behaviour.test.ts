import { describe, expect, test } from "vitest";
import type { Denoiser } from "../../src/diffusion/denoiser.ts";
import type { NoiseSource, Sampler } from "../../src/diffusion/sampler.ts";
import { SAMPLER_NAMES, samplerFromConfig, samplerNamed } from "../../src/diffusion/samplers.ts";
import { readSchedulerConfig, type SchedulerClass } from "../../src/diffusion/scheduler-config.ts";
import {
  ddpmScheduleConfig,
  ddpmTimesteps,
  latentDiffusionConfig,
  latentDiffusionTimesteps,
} from "../../src/diffusion/schedules/original-schedules.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { readJson } from "../support/fixtures.ts";

const base = readSchedulerConfig({
  _class_name: "PNDMScheduler",
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  skip_prk_steps: true,
  steps_offset: 1,
  set_alpha_to_one: false,
  clip_sample: false,
});
const configOf = (className: SchedulerClass, fields: object = {}) =>
  readSchedulerConfig({ _class_name: className, ...fields });

const network: Denoiser = {
  predict: async ({ data, shape }, timestep) => ({ shape, data: data.map((x) => Math.sin(x + timestep / 200)) }),
};
const start: Tensor = { shape: [1, 1, 2, 2], data: Float32Array.of(0.5, -1, 2, 0.1) };

/** Deterministic stand-in for normal noise. */
function noiseSource(): NoiseSource & { draws: number } {
  const source = Object.assign(
    (shape: readonly number[]): Tensor => {
      source.draws++;
      return { shape, data: Float32Array.from({ length: 4 }, (_, i) => Math.cos(source.draws * 7 + i)) };
    },
    { draws: 0 },
  );
  return source;
}

async function samplesOf(sampler: Sampler, begin = 0): Promise<number[][]> {
  const samples: number[][] = [];
  for await (const { sample } of sampler.sample(network, start, noiseSource(), begin)) samples.push([...sample.data]);
  return samples;
}

describe.each(SAMPLER_NAMES)("samplerNamed(%s)", (name) => {
  const sampler = samplerNamed(name, base, { steps: 6 });

  test("evaluates the network once per timestep and stays finite", async () => {
    const samples = await samplesOf(sampler);
    expect(samples).toHaveLength(sampler.timesteps.length);
    expect(samples.flat().every(Number.isFinite)).toBe(true);
  });

  test("repeats itself, also when two runs take turns", async () => {
    const alone = await samplesOf(sampler);
    expect(await samplesOf(sampler)).toEqual(alone);
    const runs = [0, 1].map(() => sampler.sample(network, start, noiseSource()));
    for (const expected of alone) {
      for (const run of runs) {
        const { value } = await run.next();
        expect([...(value?.sample.data ?? [])]).toEqual(expected);
      }
    }
  });

  test("leaves nothing behind when the loop is left", async () => {
    const alone = await samplesOf(sampler);
    for await (const step of sampler.sample(network, start, noiseSource())) if (step.evaluation === 2) break;
    expect(await samplesOf(sampler)).toEqual(alone);
  });

  test("never writes to what it was given or has yielded", async () => {
    const yielded: { sample: Tensor; copy: Float32Array }[] = [];
    const input = { shape: start.shape, data: start.data.slice() };
    for await (const { sample } of sampler.sample(network, input, noiseSource())) {
      yielded.push({ sample, copy: sample.data.slice() });
    }
    expect(input.data).toEqual(start.data);
    for (const { sample, copy } of yielded) expect(sample.data).toEqual(copy);
  });

  test("takes a single step", async () => {
    const single = samplerNamed(name, base, { steps: 1 });
    expect((await samplesOf(single)).flat().every(Number.isFinite)).toBe(true);
  });

  test.each([0, -1, 1.5, 1001, Number.NaN])("refuses %d steps", (steps) => {
    expect(() => samplerNamed(name, base, { steps })).toThrow(
      new RangeError(`Cannot sample in ${steps} steps: required is a whole number from 1 to 1000`),
    );
  });

  test.each([-1, 0.5, 1000])("refuses to begin at evaluation %d", async (begin) => {
    expect(() => sampler.addNoise(start, start, begin)).toThrow(RangeError);
    await expect(samplesOf(sampler, begin)).rejects.toThrow(`Cannot begin at evaluation ${begin}`);
  });
});

test("samplerNamed() says which name is near and lists the others where there is no such sampler", () => {
  const named = (name: string) => () => samplerNamed(name, base, { steps: 5 });
  expect(named("eulr")).toThrow(/No sampler is called "eulr"; did you mean "euler"\? there are ddpm, ddim/);
  expect(named("something else")).toThrow(/No sampler is called "something else"; there are ddpm/);
  expect(() => samplerNamed("toString", base, { steps: 5 })).toThrow(RangeError);
});

test("dpmpp-sde-karras spaces noise levels between those of training, whatever range a file gives", () => {
  const ranged = readSchedulerConfig({ _class_name: "EulerDiscreteScheduler", sigma_min: 0.03, sigma_max: 12 });
  const plain = readSchedulerConfig({ _class_name: "EulerDiscreteScheduler" });
  const [one, other] = [ranged, plain].map((config) => samplerNamed("dpmpp-sde-karras", config, { steps: 5 }));
  expect(one?.timesteps).toEqual(other?.timesteps);
});

test("plms is pndm without Runge-Kutta steps", async () => {
  const [plms, pndm] = ["plms", "pndm"].map((name) => samplerNamed(name, base, { steps: 8 }));
  expect(plms?.timesteps).toEqual(pndm?.timesteps);
});

describe("samplerFromConfig()", () => {
  test("takes eta 0 for what it is", async () => {
    const noise = noiseSource();
    const tcd = samplerFromConfig(configOf("TCDScheduler"), { steps: 4, eta: 0 });
    for await (const _ of tcd.sample(network, start, noise)) expect(noise.draws).toBe(0);
    const [zero, left] = [{ eta: 0 }, {}].map((options) =>
      samplesOf(samplerFromConfig(configOf("DDIMScheduler"), { steps: 4, ...options })),
    );
    expect(await zero).toEqual(await left);
  });

  test.each([Number.POSITIVE_INFINITY, Number.NaN])("refuses eta %d", (eta) => {
    expect(() => samplerFromConfig(configOf("DDIMScheduler"), { steps: 4, eta })).toThrow(
      `Cannot sample with eta ${eta}: required is a number`,
    );
  });

  test.each([-0.1, 1.1])("refuses eta %d where it is a share", (eta) => {
    expect(() => samplerFromConfig(configOf("TCDScheduler"), { steps: 4, eta })).toThrow("a number from 0 to 1");
  });

  test("draws no noise for a negative eta, whose size alone counts", async () => {
    const noise = noiseSource();
    const run = samplerFromConfig(configOf("DDIMScheduler"), { steps: 4, eta: -0.5 }).sample(network, start, noise);
    for await (const _ of run) expect(noise.draws).toBe(0);
  });

  test("refuses an option that the algorithm does not take", () => {
    expect(() => samplerFromConfig(configOf("PNDMScheduler"), { timesteps: [3, 2] })).toThrow(
      new TypeError("Cannot build a PNDMScheduler: it takes no timesteps; another sampler is required"),
    );
  });

  test.each([
    [{}, "the number of steps is missing"],
    [{ timesteps: [5, 5] }, "timesteps must descend"],
    [{ timesteps: [5, 1000] }, "Cannot use timestep 1000"],
    [{ timesteps: [5, 4], steps: 3 }, "the given timesteps make 2"],
    [{ timesteps: [5, 4], sigmas: [2, 1] }, "not both"],
    [{ sigmas: [1, 2] }, "Cannot use sigma 2"],
    [{ sigmas: [1, 1, 0] }, "Cannot use sigma 1"],
    [{ sigmas: [1] }, "Cannot sample in 0 steps"],
  ])("refuses %j", (options, reason) => {
    expect(() => samplerFromConfig(configOf("EulerDiscreteScheduler"), options)).toThrow(reason);
  });

  test("refuses given timesteps where the config spaces noise levels by a formula", () => {
    for (const className of ["EulerDiscreteScheduler", "DPMSolverMultistepScheduler"] as const) {
      const config = configOf(className, { use_karras_sigmas: true });
      expect(() => samplerFromConfig(config, { timesteps: [5, 4] })).toThrow("by the karras formula");
    }
  });

  test("refuses to begin in the middle of a step of two evaluations", async () => {
    const heun = samplerFromConfig(configOf("HeunDiscreteScheduler"), { steps: 4 });
    await expect(samplesOf(heun, 3)).rejects.toThrow("a step takes 2 evaluations");
  });

  test("refuses more steps than PNDM, LCM or an offset leave", () => {
    expect(() => samplerFromConfig(configOf("PNDMScheduler"), { steps: 3 })).toThrow("needs at least 4");
    expect(() => samplerFromConfig(configOf("LCMScheduler"), { steps: 51 })).toThrow("was distilled at 50");
    const offset = configOf("DDIMScheduler", { steps_offset: 1 });
    expect(() => samplerFromConfig(offset, { steps: 1000 })).toThrow("the first would be timestep 1000");
  });

  test("parts a learned variance from the prediction", async () => {
    const config = configOf("DDPMScheduler", { variance_type: "learned_range" });
    const doubled: Denoiser = {
      predict: async ({ data }) => ({ shape: [1, 2, 2, 2], data: Float32Array.of(...data, -1, 1, 0, 0) }),
    };
    const sampler = samplerFromConfig(config, { steps: 3 });
    let evaluations = 0;
    for await (const { sample } of sampler.sample(doubled, start, noiseSource())) {
      expect(sample.shape).toEqual(start.shape);
      evaluations++;
    }
    expect(evaluations).toBe(3);
    await expect(samplesOf(sampler)).rejects.toThrow("Cannot part the learned variance from 1 channels");
  });

  test("reports a network output of another shape", async () => {
    const sampler = samplerFromConfig(configOf("DDIMScheduler"), { steps: 2 });
    const wrong: Denoiser = { predict: async () => ({ shape: [1, 4], data: new Float32Array(4) }) };
    await expect(sampler.sample(wrong, start, noiseSource()).next()).rejects.toThrow(
      "of shape [1, 4] with one of [1, 1, 2, 2]",
    );
  });
});

describe("schedules of the original code", () => {
  interface Timesteps {
    T: number;
    ddpm_skip_type_quad: number[];
    ddpm_skip_type_uniform: number[];
    ldm_uniform: number[];
  }
  const { quad_timesteps } = readJson("plans.json") as { quad_timesteps: Timesteps[] };

  test.each(quad_timesteps)("match for $T steps", (expected) => {
    expect(ddpmTimesteps(expected.T, "quad")).toEqual(expected.ddpm_skip_type_quad.toReversed());
    expect(ddpmTimesteps(expected.T, "uniform")).toEqual(expected.ddpm_skip_type_uniform.toReversed());
    expect(latentDiffusionTimesteps(expected.T)).toEqual(expected.ldm_uniform.toReversed());
  });

  test("lead from each timestep to the next in the list", async () => {
    const latent = latentDiffusionConfig({ linear_start: 0.0015, linear_end: 0.0195 });
    expect(latent).toMatchObject({ beta_schedule: "scaled_linear", set_alpha_to_one: false, clip_sample: false });
    const uniform = samplerFromConfig(latent, { timesteps: latentDiffusionTimesteps(250) });
    const leading = samplerFromConfig({ ...latent, steps_offset: 1 }, { steps: 250 });
    expect(await samplesOf(uniform)).toEqual(await samplesOf(leading));
  });

  test("allow the repeated timesteps of quadratic schedules", async () => {
    const schedule = { beta_schedule: "linear", beta_start: 1e-4, beta_end: 0.02, num_diffusion_timesteps: 1000 };
    const sampler = samplerFromConfig(ddpmScheduleConfig(schedule), { timesteps: ddpmTimesteps(50, "quad") });
    const samples = await samplesOf(sampler);
    expect(samples).toHaveLength(50);
    expect(samples.flat().every(Number.isFinite)).toBe(true);
  });

  test("refuse a schedule that is not known", () => {
    expect(() => latentDiffusionConfig({ beta_schedule: "sqrt" })).toThrow('"sqrt" is not known');
  });
});

describe("DPM-Solver's SDE of third order", () => {
  const fields = { solver_order: 3, algorithm_type: "sde-dpmsolver", final_sigmas_type: "sigma_min" };
  const config = configOf("DPMSolverMultistepScheduler", fields);

  test("runs where the steps are too few for it", async () => {
    for (const steps of [1, 2, 3]) expect(await samplesOf(samplerFromConfig(config, { steps }))).toHaveLength(steps);
  });

  test("is refused before the first step where it would be needed", async () => {
    const sampler = samplerFromConfig(config, { steps: 5 });
    await expect(samplesOf(sampler)).rejects.toThrow('"sde-dpmsolver" has no third order');
    expect(await samplesOf(sampler, 3)).toHaveLength(2);
  });
});

test("a softened last noise level is found at its own timestep, also below the ones before it", () => {
  const fields = { beta_start: 0.0001, beta_end: 0.02, rescale_betas_zero_snr: true, use_lu_lambdas: true };
  const { timesteps } = samplerFromConfig(configOf("DPMSolverMultistepScheduler", fields), { steps: 3 });
  expect(timesteps).toEqual([999, 600, 0]); // diffusers 0.42.1
});
