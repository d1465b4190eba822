import { describe, expect, test } from "vitest";
import type { Denoiser } from "../../src/diffusion/denoiser.ts";
import type { NoiseSource, Sampler, SamplerStep } from "../../src/diffusion/sampler.ts";
import type { SamplerOptions } from "../../src/diffusion/sampler-options.ts";
import { samplerFromConfig } from "../../src/diffusion/samplers.ts";
import { parseSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import type { SigmaSampler } from "../../src/diffusion/schedules/karras-schedule.ts";
import {
  alphasCumprod,
  positiveAlphasCumprod,
  type TrainingNoise,
} from "../../src/diffusion/schedules/noise-schedule.ts";
import { concatenate } from "../../src/tensor/concatenate.ts";
import { elementCount, entry, type Tensor } from "../../src/tensor/tensor.ts";
import {
  FRACTIONAL_TIMESTEP,
  MULTISTEP_TRAJECTORY,
  NOISE_SCHEDULE,
  type Tolerance,
  TRAJECTORY,
} from "../support/assertions/tolerances.ts";
import { type FixtureFile, readFixture, readJson } from "../support/fixtures.ts";

interface Case {
  readonly name: string;
  readonly file: string;
  readonly class: string;
  readonly num_inference_steps: number;
  readonly set_timesteps: { timesteps?: number[]; sigmas?: number[] };
  readonly step_kwargs: Readonly<Record<string, number | boolean>>;
  readonly draws: number;
  /** What Brownian paths are drawn from. */
  readonly seeds?: readonly number[];
  readonly img2img_start?: number;
  readonly scheduler_config_json: string;
}

const FOLDERS = ["schedulers", "scheduler-trajectories"];
const cases = FOLDERS.flatMap((folder) =>
  (readJson(`${folder}/index.json`) as { cases: Case[] }).cases.map((found) => ({
    ...found,
    file: `${folder}/${found.file}`,
  })),
);

/** The options of this package that a case's keyword arguments amount to. */
function optionsOf({ num_inference_steps, set_timesteps, step_kwargs }: Case): SamplerOptions {
  const { s_churn, s_tmin, s_tmax, s_noise, use_clipped_model_output, ...rest } = step_kwargs;
  return {
    steps: num_inference_steps,
    ...set_timesteps,
    ...(rest as SamplerOptions),
    ...(use_clipped_model_output === true && { useClippedModelOutput: true }),
    ...(s_churn !== undefined && {
      churn: { amount: Number(s_churn), lowest: Number(s_tmin), highest: Number(s_tmax), noiseScale: Number(s_noise) },
    }),
  };
}

/** The closed-form network that the fixtures were made with, which may predict a variance; keeps what it was given. */
function toyNetwork(varianceType?: unknown): Denoiser & { readonly inputs: Tensor[] } {
  const inputs: Tensor[] = [];
  const varianceOf = new Map<unknown, (x: number) => number>([
    ["learned", (x) => 0.02 + 0.01 * Math.sin(3 * x)],
    ["learned_range", (x) => 0.5 * Math.sin(3 * x)],
  ]).get(varianceType);
  const part = ({ data, shape }: Tensor, value: (x: number) => number): Tensor => ({ shape, data: data.map(value) });
  return {
    inputs,
    predict: async (sample, timestep) => {
      inputs.push(sample);
      const mean = part(sample, (x) => 0.6 * Math.sin(1.5 * x + timestep / 200) + 0.2 * x);
      return varianceOf === undefined ? mean : concatenate([mean, part(sample, varianceOf)], 1);
    },
  };
}

/** Noise from the fixture in order, counting draws. */
function recordedNoise(
  file: FixtureFile,
  key: string,
  seeds: Case["seeds"],
): { source: NoiseSource; drawn: () => number } {
  const stack = file.has(key) ? rows(file.tensor(key)) : [];
  let count = 0;
  const seed = seeds?.length === 1 ? seeds[0] : seeds;
  const source = Object.assign(() => entry(stack, count++), seed === undefined ? {} : { seed });
  return { source, drawn: () => count };
}

const rows = ({ data, shape: [count = 0, ...shape] }: Tensor): Tensor[] =>
  Array.from({ length: count }, (_, i) => {
    const size = elementCount(shape);
    return { shape, data: data.slice(i * size, (i + 1) * size) };
  });

function stacked(tensors: readonly Tensor[]): Tensor {
  const [{ shape, data }] = tensors as [Tensor];
  const all = new Float32Array(tensors.length * data.length);
  tensors.forEach((tensor, i) => void all.set(tensor.data, i * data.length));
  return { shape: [tensors.length, ...shape], data: all };
}

const vector = (values: readonly number[]): Tensor => ({ shape: [values.length], data: Float32Array.from(values) });
const scaled = ({ data, shape }: Tensor, factor: number): Tensor => ({ shape, data: data.map((x) => x * factor) });

async function stepsOf(sampler: Sampler, denoiser: Denoiser, start: Tensor, noise: NoiseSource, begin = 0) {
  const steps: SamplerStep[] = [];
  for await (const step of sampler.sample(denoiser, start, noise, begin)) steps.push(step);
  return steps;
}

const toleranceOf = (name: string): Tolerance =>
  /^(lms|dpm|unipc|deis)/.test(name) ? MULTISTEP_TRAJECTORY : TRAJECTORY;

describe.each(cases)("$name", (entryOfIndex) => {
  const { name, file: path, img2img_start } = entryOfIndex;
  const file = readFixture(path);
  const config = parseSchedulerConfig(entryOfIndex.scheduler_config_json, name);
  const sampler = samplerFromConfig(config, optionsOf(entryOfIndex));
  const tolerance = toleranceOf(name);
  const varianceType = "variance_type" in config ? config.variance_type : undefined;

  test("has the reference's schedule", () => {
    const expected = file.tensor("timesteps");
    expect(vector(sampler.timesteps)).toBeCloseTensor(expected, FRACTIONAL_TIMESTEP);
    if (expected.data.every(Number.isInteger)) expect(sampler.timesteps).toEqual([...expected.data]);
    if (file.has("sigmas")) {
      expect(vector((sampler as SigmaSampler).sigmas)).toBeCloseTensor(file.tensor("sigmas"), NOISE_SCHEDULE);
    }
    const scale = { shape: [], data: Float32Array.of(sampler.initialNoiseScale) };
    expect(scale).toBeCloseTensor(file.tensor("init_noise_sigma"), NOISE_SCHEDULE);
  });

  test.runIf(file.has("alphas_cumprod"))("has the reference's noise schedule", () => {
    const alphaBars = file.has("sigmas") ? positiveAlphasCumprod : alphasCumprod;
    const all = alphaBars(config as TrainingNoise);
    const picked = all.length < 1000 ? all : [0, 1, 100, 500, 998, 999].map((timestep) => entry(all, timestep));
    expect(vector([...picked])).toBeCloseTensor(file.tensor("alphas_cumprod"), NOISE_SCHEDULE);
  });

  test("follows the reference's trajectory", async () => {
    const network = toyNetwork(varianceType);
    const noise = recordedNoise(file, "step_noise", entryOfIndex.seeds);
    const start = scaled(file.tensor("initial_noise"), sampler.initialNoiseScale);
    const steps = await stepsOf(sampler, network, start, noise.source);
    expect(steps.map(({ evaluation }) => evaluation)).toEqual(steps.map((_, i) => i));
    expect(steps.map(({ timestep }) => timestep)).toEqual(sampler.timesteps);
    expect(stacked(steps.map(({ sample }) => sample))).toBeCloseTensor(file.tensor("samples"), tolerance);
    const inputs = file.has("model_inputs") ? file.tensor("model_inputs") : undefined;
    if (inputs) expect(stacked(network.inputs)).toBeCloseTensor(inputs, tolerance);
    if (file.has("pred_original")) {
      const denoised = steps.flatMap((step) => step.denoised ?? []);
      // Where there is little signal, a clean sample is a difference of samples: their size bounds the rounding.
      const largest = file.tensor("samples").data.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      const absolute = { atol: tolerance.rtol * largest, rtol: 0 };
      expect(stacked(denoised)).toBeCloseTensor(file.tensor("pred_original"), absolute);
    }
    expect(noise.drawn()).toBe(entryOfIndex.draws);
  });

  test.runIf(file.has("add_noise.result"))("adds the reference's noise", () => {
    const [images, noises] = [rows(file.tensor("image")), rows(file.tensor("initial_noise"))];
    const at = [1, Math.min(4, sampler.timesteps.length - 2)];
    const noisy = at.map((begin, i) => sampler.addNoise(entry(images, i), entry(noises, i), begin));
    expect(stacked(noisy)).toBeCloseTensor(file.tensor("add_noise.result"), TRAJECTORY);
  });

  test.runIf(file.has("img2img.samples"))("begins where image-to-image begins", async () => {
    const begin = img2img_start ?? 0;
    const noise = recordedNoise(file, "img2img.step_noise", entryOfIndex.seeds);
    const start = sampler.addNoise(file.tensor("image"), file.tensor("initial_noise"), begin);
    expect(start).toBeCloseTensor(file.tensor("img2img.initial"), TRAJECTORY);
    const steps = await stepsOf(sampler, toyNetwork(varianceType), start, noise.source, begin);
    expect(steps.map(({ timestep }) => timestep)).toEqual(sampler.timesteps.slice(begin));
    expect(stacked(steps.map(({ sample }) => sample))).toBeCloseTensor(file.tensor("img2img.samples"), tolerance);
    expect(noise.drawn()).toBe(file.has("img2img.step_noise") ? rows(file.tensor("img2img.step_noise")).length : 0);
  });
});
