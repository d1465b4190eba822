import { describe, expect, test } from "vitest";
import { SAMPLER_NAMES } from "../../src/diffusion/samplers.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
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

  test("leaves the extra evaluation of PNDM out of the plan", () => {
    const config = readSchedulerConfig({ _class_name: "PNDMScheduler", ...BETAS, skip_prk_steps: true });
    const chosen = chooseSampler(config, { steps: 10 });
    expect([chosen.sampler.timesteps.length, chosen.sampler.planned]).toEqual([11, 10]);
    expect(planRun({ kind: "uniform", interval: 5, branch: 0 }, chosen)).toEqual([0, 5]);
  });
});
