import { describe, expect, test } from "vitest";
import { SAMPLER_NAMES } from "../../src/diffusion/samplers.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import type { SigmaSampler } from "../../src/diffusion/schedules/karras-schedule.ts";
import { chooseSampler, planRun } from "../../src/pipelines/run/choose-sampler.ts";

const BETAS = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear" };

describe("the sampler of a run", () => {
  test.each([
    [
      "DPM-Solver++ as diffusers saves it",
      { _class_name: "DPMSolverMultistepScheduler", variance_type: null },
      "dpmpp-2m",
    ],
    ["UniPC of an order that others lack", { _class_name: "UniPCMultistepScheduler", solver_order: 4 }, "unipc"],
    ["Heun's exponential noise levels", { _class_name: "HeunDiscreteScheduler", beta_schedule: "exp" }, "heun"],
    ["DDIM on clean samples", { _class_name: "DDIMScheduler", prediction_type: "sample" }, "ddim"],
  ])("is the model's own by name, also where no other could be made of its config: %s", (_title, fields, name) => {
    const config = readSchedulerConfig({ ...BETAS, ...fields });
    expect(chooseSampler(config, { steps: 5 }).name).toBe(name);
  });

  test("has a name for every class", () => {
    const config = readSchedulerConfig({ _class_name: "PNDMScheduler", ...BETAS, skip_prk_steps: true });
    for (const sampler of SAMPLER_NAMES) {
      const asked = chooseSampler(config, { sampler, steps: 5 });
      expect(asked.name).toBe(sampler);
    }
  });

  test("keeps a range of noise levels for classes that do not declare it", () => {
    const range = { _class_name: "EulerDiscreteScheduler", ...BETAS, sigma_min: 0.05, sigma_max: 20 };
    for (const sampler of ["heun", "kdpm2", "kdpm2-a", "lms", "dpm-single", "dpmpp-2m", "unipc"]) {
      const chosen = chooseSampler(readSchedulerConfig(range), { sampler: `${sampler}-karras`, steps: 4 }).sampler;
      const { sigmas } = chosen as SigmaSampler;
      expect(sigmas[0]).toBeCloseTo(20, 5);
      expect(Math.min(...sigmas.filter((sigma) => sigma > 0))).toBeCloseTo(0.05, 6);
    }
  });

  test("warns of fields that no scheduler knows, and of latents that are clipped", () => {
    const fields = { _class_name: "DDIMScheduler", ...BETAS, predict_epsilon: true, a: 1, b: 2, c: 3, d: 4, e: 5 };
    const config = readSchedulerConfig(fields);
    const told =
      'The model\'s DDIMScheduler has fields that no scheduler knows: "predict_epsilon", "a", "b", "c", "d" and 1 more';
    expect(chooseSampler(config, { steps: 5 }).warnings).toEqual([told]);
    const latents = chooseSampler(config, { steps: 5 }, { latents: true }).warnings ?? [];
    expect(latents[1]).toContain("to ±1, here as in diffusers");
    const mended = chooseSampler(config, { steps: 5 }, { latents: true, scheduler: { clip_sample: false } });
    expect(mended.warnings).toEqual([told]);
  });

  test("leaves the extra evaluation of PNDM out of the plan", () => {
    const config = readSchedulerConfig({ _class_name: "PNDMScheduler", ...BETAS, skip_prk_steps: true });
    const chosen = chooseSampler(config, { steps: 10 });
    expect([chosen.sampler.timesteps.length, chosen.sampler.planned]).toEqual([11, 10]);
    expect(planRun({ kind: "uniform", interval: 5, branch: 0 }, chosen)).toEqual([0, 5]);
  });
});
