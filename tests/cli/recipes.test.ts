import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Summary } from "../../src/evaluation/summary.ts";
import { runCli } from "../support/cli.ts";
import { type ModelFlags, smallBkSdm, smallDdpm, smallLdm, smallStableDiffusion } from "../support/recipe-models.ts";

const RECIPES = fileURLToPath(new URL("../../examples/reproduce", import.meta.url));
const recipes = readdirSync(RECIPES)
  .map((file) => basename(file, ".json"))
  .filter((name) => name !== "paper");

const folder = mkdtempSync(join(tmpdir(), "deepcache-recipes-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What metrics need, which is as large as the models. */
const MEASURING = ["metrics", "inception", "inception-input", "reference", "clip"];

type Settings = Readonly<Record<string, unknown>> & { readonly policies: readonly string[]; readonly steps: number };

const settingsOf = (name: string): Settings => JSON.parse(readFileSync(join(RECIPES, `${name}.json`), "utf8"));

const models = new Map<string, ModelFlags>();
beforeAll(async () => {
  models.set("cin256-v2", smallLdm());
  models.set("stable-diffusion-v1-5", smallStableDiffusion());
  for (const kind of ["base", "small", "tiny"]) {
    models.set(`bk-sdm-${kind}`, await smallBkSdm(join(folder, `bk-${kind}`), kind));
  }
  models.set("ema-cifar10", await smallDdpm(join(folder, "cifar10"), 4, 16));
  models.set("ema-lsun", await smallDdpm(join(folder, "lsun"), 6, 32));
});

describe.each(recipes)("%s", (name) => {
  const { policies, steps: published, ...settings } = settingsOf(name);
  // Schedules around a centre need all of their steps; those of DDPM do with fewer.
  const steps = String(settings["model"]).includes("/ddpm/") ? 20 : published;

  test("runs as it stands on a small model of the same layout", async () => {
    const [, model = []] = [...models].find(([part]) => String(settings["model"]).includes(part)) ?? [];
    const prompts = join(folder, basename(String(settings["prompts"])));
    if (prompts.endsWith(".tsv")) writeFileSync(prompts, "Prompt\tCategory\na fox\tAnimals\n");
    if (prompts.endsWith(".json")) {
      writeFileSync(prompts, JSON.stringify({ annotations: [{ image_id: 1, id: 1, caption: "a fox" }] }));
    }
    const kept = Object.entries({ policies, steps: published, ...settings }).filter(
      ([flag]) => !MEASURING.includes(flag),
    );
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(Object.fromEntries(kept)));
    const overrides = ["--count", "1", "--steps", String(steps), "--threads", "1"];
    if (settings["prompts"] !== undefined) overrides.push("--prompts", prompts);
    const run = await runCli(
      "eval",
      "--settings",
      file,
      ...model,
      ...overrides,
      "--json",
      "--output",
      join(folder, name),
    );
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const summary = run.json<Summary>();
    expect(summary.policies.map((policy) => policy.name)).toEqual(policies);
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
