import { describe, expect, test } from "vitest";
import {
  parseSchedulerConfig,
  readSchedulerConfig,
  SCHEDULER_CLASSES,
  SchedulerConfigError,
  schedulerConfigAs,
} from "../../src/diffusion/scheduler-config.ts";

/** The file that Stable Diffusion 1.5 was published with. */
const STABLE_DIFFUSION = {
  _class_name: "PNDMScheduler",
  _diffusers_version: "0.6.0",
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  num_train_timesteps: 1000,
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
  trained_betas: null,
  clip_sample: false,
};

const messageOf = (json: unknown): string => {
  try {
    readSchedulerConfig(json, "model/scheduler");
  } catch (error) {
    if (error instanceof SchedulerConfigError) return error.message;
    throw error;
  }
  return "nothing was thrown";
};

describe("readSchedulerConfig()", () => {
  test("fills in the defaults of the class", () => {
    const config = readSchedulerConfig(STABLE_DIFFUSION);
    expect(config).toMatchObject({ className: "PNDMScheduler", beta_end: 0.012, timestep_spacing: "leading" });
  });

  test.each(SCHEDULER_CLASSES)("reads a %s of nothing but its class", (className) => {
    expect(readSchedulerConfig({ _class_name: className }).className).toBe(className);
  });

  test("passes fields that no class knows, and names them", () => {
    const known = { _class_name: "DPMSolverMultistepScheduler", sigma_min: 0.1, tensor_format: "pt" };
    expect(readSchedulerConfig(known).unknown).toEqual([]);
    const config = readSchedulerConfig({ ...STABLE_DIFFUSION, predict_epsilon: true, constructor: 1 });
    expect(config.unknown).toEqual(["predict_epsilon", "constructor"]);
    expect(schedulerConfigAs("DDIMScheduler", config).unknown).toEqual(config.unknown);
  });

  test("takes null for false, as Python does", () => {
    expect(readSchedulerConfig({ ...STABLE_DIFFUSION, skip_prk_steps: null })).toMatchObject({ skip_prk_steps: false });
  });

  test.each([
    [
      { ...STABLE_DIFFUSION, beta_start: "x" },
      'field "beta_start" of PNDMScheduler is "x", required is a number from 0 to 1',
    ],
    [
      { ...STABLE_DIFFUSION, skip_prk_steps: 1 },
      'field "skip_prk_steps" of PNDMScheduler is 1, required is true or false',
    ],
    [
      { ...STABLE_DIFFUSION, num_train_timesteps: 0 },
      'field "num_train_timesteps" of PNDMScheduler is 0, required is a whole number from 1 to 100000',
    ],
    [
      { ...STABLE_DIFFUSION, prediction_type: "sample" },
      'field "prediction_type" of PNDMScheduler is "sample", required is one of "epsilon", "v_prediction"',
    ],
    [
      { ...STABLE_DIFFUSION, trained_betas: [0.1, null] },
      'field "trained_betas" of PNDMScheduler is [0.1,null], required is a list of numbers from 0 to 1, or null',
    ],
    [{ ...STABLE_DIFFUSION, trained_betas: [0.1] }, "PNDMScheduler needs as many trained_betas as num_train_timesteps"],
    [
      { _class_name: "EulerDiscreteScheduler", use_karras_sigmas: true, use_beta_sigmas: true },
      "EulerDiscreteScheduler can use only one of use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas",
    ],
    [
      { _class_name: "UniPCMultistepScheduler", use_flow_sigmas: true },
      'field "use_flow_sigmas" of UniPCMultistepScheduler is true, required is false',
    ],
    [[], "it is not an object"],
    [null, "it is not an object"],
  ])("refuses %j", (json, reason) => {
    expect(messageOf(json)).toBe(`Cannot read scheduler config "model/scheduler": ${reason}`);
  });

  test("names the supported classes where the class is another", () => {
    expect(messageOf({ _class_name: "FlowMatchEulerDiscreteScheduler" })).toContain(
      "supported are DDPMScheduler, DDIM",
    );
    expect(messageOf({})).toContain("_class_name is missing");
  });
});

describe("parseSchedulerConfig()", () => {
  test("reads the infinities that Python writes, outside strings only", () => {
    const text =
      '{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "_note": "Infinity \\" Infinity"}';
    expect(parseSchedulerConfig(text)).toMatchObject({ lambda_min_clipped: Number.NEGATIVE_INFINITY });
  });

  test.each(["", "{", '{"a": NaN}', "Infinity Infinity"])("refuses %j as text", (text) => {
    expect(() => parseSchedulerConfig(text, "x")).toThrow(SchedulerConfigError);
  });
});

describe("schedulerConfigAs()", () => {
  const base = readSchedulerConfig(STABLE_DIFFUSION);

  test("takes over what the file gives, also for the sake of other classes", () => {
    const config = schedulerConfigAs("DDIMScheduler", base);
    expect(config).toMatchObject({ beta_start: 0.00085, steps_offset: 1, clip_sample: false, set_alpha_to_one: false });
  });

  test("does not take over defaults of the other class", () => {
    expect(schedulerConfigAs("EulerDiscreteScheduler", base).timestep_spacing).toBe("linspace");
  });

  test("reads values of other classes as the reference does", () => {
    const unipc = readSchedulerConfig({ _class_name: "UniPCMultistepScheduler", solver_type: "bh1" });
    expect(schedulerConfigAs("DPMSolverMultistepScheduler", unipc).solver_type).toBe("midpoint");
    expect(schedulerConfigAs("DEISMultistepScheduler", unipc).solver_type).toBe("logrho");
    const ddpm = readSchedulerConfig({ _class_name: "DDPMScheduler", variance_type: "fixed_large" });
    expect(schedulerConfigAs("DPMSolverMultistepScheduler", ddpm).variance_type).toBeNull();
  });
});
