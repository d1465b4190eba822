import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ADAPTED_LATENTS } from "../support/assertions/tolerances.ts";
import { runCli } from "../support/cli.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "deepcache-lora-forms-"));
afterAll(() => rmSync(root, { recursive: true }));

const golden = readFixture("adapters/sd15/forms/latents.safetensors");
const call = JSON.parse(golden.metadata["call"] ?? "{}");
const RUN = [
  ...["--model", fixturePath("pipelines/sd15/model"), "--sampler", "ddim", "--seed", golden.metadata["seed"] ?? ""],
  ...["--prompt", call.prompt, "--negative-prompt", call.negative_prompt, "--steps", String(call.num_inference_steps)],
  ...["--guidance-scale", String(call.guidance_scale)],
  ...["--width", String(call.width), "--height", String(call.height)],
];

test.each(["locon-tucker", "lokr-tucker", "dora-inputs", "dora-peft", "original-names"])(
  "a LoRA of the form %s leads where the reference leads, without a warning",
  async (form) => {
    const lora = `${fixturePath(`adapters/sd15/forms/${form}.safetensors`)}:${golden.metadata["strength"]}`;
    const latents = join(root, `${form}.safetensors`);
    const run = await runCli(
      ...["generate", ...RUN, "--lora", lora, "--latents-output", latents, "-o", join(root, `${form}.png`)],
    );
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).not.toContain("nothing in the model answers");
    expect(readFixture(latents).tensor("latents")).toBeCloseTensor(golden.tensor(form), ADAPTED_LATENTS);
  },
);
