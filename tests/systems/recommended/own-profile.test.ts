import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memoryFiles } from "../../../src/checkpoint/files/memory.ts";
import { anyPipeline } from "../../../src/pipelines/any-pipeline.ts";
import { nodeRuntime } from "../../../src/runtime/node/node.ts";
import { openModel } from "../../../src/systems/open-model.ts";
import { PROFILE_FILE, profiledNetwork, readOwnProfile } from "../../../src/systems/recommended/own-profile.ts";
import { type Profile, readProfile } from "../../../src/systems/recommended/profile.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../../../src/systems/shipped.ts";
import { openStableDiffusion } from "../../../src/systems/stable-diffusion.ts";
import { fixturePath } from "../../support/fixtures.ts";
import { copiedFiles } from "../../support/models/copied-files.ts";

const SD15 = fixturePath("pipelines/sd15/model");

/** Presets of 8.4, 11.7 and 20 full-step equivalents; this is for the first. */
function profileFor(unet: string): Profile {
  return {
    format: 1,
    version: "1.0.0",
    model: { architecture: "UNet2DConditionModel", unet },
    reference: { sampler: "ddim", steps: 200 },
    points: [
      {
        ...{ budget: 8, fse: 8, sampler: "ddim-trailing", steps: 12 },
        cache: { kind: "listed", full: [0, 1, 2, 4, 6, 8], branch: 0, forecast: { damping: 0.5 } },
        checked: { images: 8, psnr: 40, aboveUncached: { mean: 4, halfWidth: 3, sampler: "ddim", steps: 8, psnr: 36 } },
      },
    ],
  };
}

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe("a model folder's own profile", () => {
  test("is what a preset chooses from", async () => {
    const { unet } = await openStableDiffusion(SD15);
    const { unet: digest } = await profiledNetwork(unet);
    const profile = profileFor(digest);
    const folder = copiedFiles(SD15);
    await folder.write(PROFILE_FILE, [text(profile)]);
    const opened = await openModel({ path: folder, tokenizer: defaultTokenizerFolder() });
    await using pipeline = anyPipeline(opened, "tiny", { runtime: nodeRuntime() });
    const { sampler, steps, policy } = await pipeline.generate({ prompt: "a fox", preset: "fast", seed: 1 });
    expect({ sampler, steps, policy }).toEqual({
      ...{ sampler: "ddim-trailing", steps: 12, policy: profile.points[0]?.cache },
    });
  });

  test("is refused where it was tuned for another network", async () => {
    const { unet } = await openStableDiffusion(SD15);
    const files = memoryFiles({ [PROFILE_FILE]: text(profileFor("00112233")) });
    await expect(readOwnProfile(files, new Set([PROFILE_FILE]), unet)).rejects.toThrow(
      /^Cannot use the profile ".*deepcache_profile.json" with this model: it was tuned for a U-Net of architecture/,
    );
  });

  test("may be missing", async () => {
    const { unet } = await openStableDiffusion(SD15);
    expect(await readOwnProfile(memoryFiles({}), new Set(), unet)).toBeUndefined();
  });

  test("is, for the embedded model, what was evaluated", async () => {
    const { defaults } = await openStableDiffusion(defaultModelFolder());
    const evaluated = "../../../evaluations/fluent-scenes-forecasts/profile.json";
    const json: unknown = JSON.parse(readFileSync(new URL(evaluated, import.meta.url), "utf8"));
    expect(defaults.profile).toEqual(readProfile(json, "profile.json"));
  });
});
