import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import type { Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import { writeImage } from "../../src/image/files.ts";
import { type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { runCli } from "../support/cli.ts";
import { readFixture, row } from "../support/fixtures.ts";
import { writeClipFolder } from "../support/models/clip-folder.ts";
import { inceptionWeights } from "../support/models/inception-weights.ts";
import {
  type ModelFlags,
  smallBkSdm,
  smallDdpm,
  smallLdm,
  smallStableDiffusion,
} from "../support/models/recipe-models.ts";

const RECIPES = fileURLToPath(new URL("../../examples/reproduce", import.meta.url));
const recipes = readdirSync(RECIPES)
  .map((file) => basename(file, ".json"))
  .filter((name) => name !== "paper");

const folder = mkdtempSync(join(tmpdir(), "deepcache-recipes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const clip = join(folder, "clip");

type Settings = Readonly<Record<string, unknown>> & { readonly policies: readonly string[]; readonly steps: number };

const settingsOf = (name: string): Settings => JSON.parse(readFileSync(join(RECIPES, `${name}.json`), "utf8"));

const models = new Map<string, ModelFlags>();
beforeAll(async () => {
  writeClipFolder(clip);
  models.set("cin256-v2", smallLdm());
  models.set("stable-diffusion-v1-5", smallStableDiffusion());
  for (const kind of ["base", "small", "tiny"]) {
    models.set(`bk-sdm-${kind}`, await smallBkSdm(join(folder, `bk-${kind}`), kind));
  }
  models.set("ema-cifar10", await smallDdpm(join(folder, "cifar10"), 4, 16));
  models.set("ema-lsun", await smallDdpm(join(folder, "lsun"), 6, 32));
});

describe.each(recipes)("%s", (name) => {
  const { policies, steps: publishedSteps, ...settings } = settingsOf(name);
  // Schedules around a centre need all of their steps; those of DDPM do with fewer.
  const steps = String(settings["model"]).includes("/ddpm/") ? 20 : publishedSteps;

  test("runs as it stands on a small model of the same layout", async () => {
    const [, model = []] = [...models].find(([part]) => String(settings["model"]).includes(part)) ?? [];
    const prompts = join(folder, basename(String(settings["prompts"])));
    if (prompts.endsWith(".tsv")) writeFileSync(prompts, "Prompt\tCategory\na fox\tAnimals\n");
    if (prompts.endsWith(".json")) {
      writeFileSync(prompts, JSON.stringify({ annotations: [{ image_id: 1, id: 1, caption: "a fox" }] }));
    }
    const overrides = ["--count", "1", "--steps", String(steps), "--threads", "1"];
    if (settings["prompts"] !== undefined) overrides.push("--prompts", prompts, "--clip", clip);
    // FID's network is large and slow, so that the test below runs it for all.
    const asked = policies.includes("off") ? policies : ["off", ...policies];
    if (settings["inception"] !== undefined) overrides.push("--metrics", "psnr,ssim", "--policies", asked.join());
    const place = ["--settings", join(RECIPES, `${name}.json`), "--output", join(folder, name)];
    const run = await runCli("eval", ...place, ...model, ...overrides, "--json");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const summary = run.json<Summary>();
    expect(summary.policies.map((policy) => policy.name)).toEqual(asked);
    for (const { cache, full, evaluations, macs, measures } of summary.policies) {
      expect(macs).toBeGreaterThan(0);
      const count = full.length;
      if (cache.kind === "uniform" || cache.kind === "centered") expect(count).toBe(Math.ceil(steps / cache.interval));
      if (cache.kind === "quadratic") expect(count).toBeLessThanOrEqual(Math.ceil(steps / cache.interval));
      if (cache.kind === "off") expect(count).toBe(evaluations);
      for (const { mean } of Object.values(measures)) expect(mean).toBeGreaterThan(0);
    }
  });
});

test("table-1 measures everything that it has columns of", async () => {
  const [inception, reference] = [join(folder, "inception.safetensors"), join(folder, "reference")];
  await writeSafetensors(inception, inceptionWeights());
  mkdirSync(reference);
  const real = readFixture("inception/expected.safetensors").tensor("real.pictures");
  for (const i of [0, 1, 2, 3]) writeImage(join(reference, `${i}.png`), pictureOf(row(real, i)));
  const run = await runCli(
    ...["eval", "--settings", join(RECIPES, "table-1.json"), ...smallLdm(), "--count", "4", "--steps", "4"],
    ...["--policies", "uniform:2:0", "--inception", inception, "--reference", reference],
    ...["--json", "--output", join(folder, "measured")],
  );
  expect(run).toMatchObject({ code: 0, stderr: "" });
  for (const { measures } of run.json<Summary>().policies) {
    expect(Object.keys(measures)).toEqual(settingsOf("table-1")["metrics"]);
  }
});

const pictureOf = ({ data, shape: [height = 0, width = 0] }: Tensor): RgbImage =>
  rgbImage(width, height, Uint8Array.from(data));
