import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import type { RgbImage } from "../../src/image/rgb-image.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { unconditional } from "../../src/pipelines/unconditional/unconditional.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openStableDiffusion, type StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import { openUnconditional } from "../../src/systems/unconditional.ts";
import { temporaryCopy } from "../checkpoint/files.ts";
import stored from "../fixtures/pipelines/cases.json" with { type: "json" };
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { optionsOf } from "./golden-run.ts";

interface Case {
  readonly name: string;
  readonly model: string;
  readonly mode: string;
  readonly scheduler: { readonly _class_name: string };
  readonly edits?: Readonly<Record<string, object>>;
  readonly picture?: boolean;
  readonly call: Call;
}

interface Call {
  readonly prompts?: readonly string[];
  readonly negative?: string;
  readonly steps?: number;
  readonly guidance?: number;
  readonly rescale?: number;
  readonly clipSkip?: number;
  readonly strength?: number;
  readonly eta?: number;
  readonly count?: number;
  readonly seed: number;
  readonly width?: number;
  readonly height?: number;
  readonly sampler?: string;
}

const cases = stored as readonly Case[];
const golden = readFixture("pipelines/cases.safetensors");
const { image, mask } = optionsOf(readFixture("pipelines/sd15/inpaint-ddim.safetensors"));
const DISTILLED = "pipelines/distilled.safetensors";
const PROJECTION = "time_embedding.cond_proj.weight";

/** Only what a pipeline of diffusers may be told of by its class. */
const PIPELINE_CLASS: Readonly<Record<string, string>> = { lcm: "LatentConsistencyModelPipeline" };

function folderOf({ model, scheduler, edits = {} }: Case): string {
  const base = model === "inpaint9" || model === "lcm" ? "sd15" : model;
  const folder = temporaryCopy(fixturePath(`pipelines/${base}/model`));
  if (model === "inpaint9") {
    rmSync(join(folder, "unet"), { recursive: true });
    cpSync(fixturePath("models/unet-inpaint9"), join(folder, "unet"), { recursive: true });
  }
  writeFileSync(join(folder, "scheduler", "scheduler_config.json"), JSON.stringify(scheduler));
  for (const [component, changes] of Object.entries(edits)) edit(join(folder, component, "config.json"), changes);
  const className = PIPELINE_CLASS[model];
  edit(join(folder, "model_index.json"), {
    scheduler: ["diffusers", scheduler._class_name],
    ...(className === undefined ? {} : { _class_name: className }),
  });
  edit(join(folder, "unet", "config.json"), { _diffusers_version: "0.30.0" });
  return folder;
}

function edit(path: string, changes: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...changes }));
}

/** The model of a case; a distilled one has a projection of the guidance beside its weights. */
async function open(given: Case): Promise<StableDiffusionModel> {
  const folder = folderOf(given);
  if (given.model !== "lcm") return openStableDiffusion(folder);
  const file = join(folder, "unet", "projection.safetensors");
  copyFileSync(fixturePath(DISTILLED), file);
  const projection = (await readCheckpoint(await fileSource(file))).weights.get(PROJECTION);
  if (projection === undefined) throw new Error(`no ${PROJECTION}`);
  edit(join(folder, "unet", "config.json"), { time_cond_proj_dim: projection.shape[1] });
  const { unet, ...model } = await openStableDiffusion(folder);
  return { ...model, unet: { ...unet, weights: new Map([...unet.weights, [PROJECTION, projection]]) } };
}

async function generate(given: Case) {
  const { call, mode, model } = given;
  const { prompts = [], negative, guidance, rescale, ...run } = call;
  const runtime = nodeRuntime({ threads: 1 });
  if (model === "ddpm") {
    await using pipeline = unconditional(await openUnconditional(folderOf(given)), { runtime });
    return await pipeline.generate(run);
  }
  await using pipeline = textToImage(await open(given), { runtime });
  return await pipeline.generate({
    ...run,
    prompt: prompts,
    negativePrompt: negative,
    guidanceScale: guidance,
    guidanceRescale: rescale,
    image: mode === "text" ? undefined : image,
    mask: mode === "inpaint" ? mask : undefined,
  });
}

describe("diffusers' own pipelines and ours make the same latents", () => {
  test.each(cases)("$name", async (given) => {
    const { latents, images } = await generate(given);
    expect(latents).toBeCloseTensor(golden.tensor(given.name), PIPELINE_LATENTS);
    if (given.picture === true) expectPicture(images[0], golden.tensor(`${given.name}: picture`).data);
  });
});

/** Both round to 8 bits, where the last bit of float32 may decide. */
function expectPicture(made: RgbImage | undefined, expected: Float32Array): void {
  expect(made?.data).toHaveLength(expected.length);
  const differences = expected.map((value, i) => Math.abs(value - (made?.data[i] ?? Number.NaN)));
  expect(Math.max(...differences)).toBeLessThanOrEqual(1);
}
