import { expect, test } from "vitest";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { defaultModelFolder } from "../../src/systems/shipped.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import { fseOf, type Step } from "../../tools/laboratory/halves.ts";
import { openStage } from "../../tools/laboratory/stage.ts";
import { MULTISTEP_TRAJECTORY } from "../support/assertions/tolerances.ts";

const SCHEDULE: readonly Step[] = ["full", "full", "cached", "full", "cached"];
const SUBJECT = { prompt: "a fox on a teal background", seed: 5 };

test("halves that do the same are a guided run of the pipeline", async () => {
  await using stage = await openStage(1);
  const halves = { without: SCHEDULE, with: SCHEDULE };
  const [apart] = await stage.run([SUBJECT], {
    ...{ sampler: "dpmpp-2m-karras", halves },
    dampings: { feature: 0.5, prediction: 0 },
  });
  await using pipeline = textToImage(await openStableDiffusion(defaultModelFolder()), { runtime: nodeRuntime() });
  const { latents, fse } = await pipeline.generate({
    ...{ prompt: SUBJECT.prompt, seed: [SUBJECT.seed], guidanceScale: 4, sampler: "dpmpp-2m-karras", steps: 5 },
    cache: { kind: "listed", full: [0, 1, 3], branch: 0, forecast: { damping: 0.5 } },
  });
  expect(apart).toBeCloseTensor(latents, MULTISTEP_TRAJECTORY);
  expect(fseOf(halves, stage.ratio)).toBeCloseTo(fse, 3);
});

test("a skipped half costs nothing, and a cached one its share", () => {
  const halves = { without: ["full", "skipped", "cached"], with: ["full", "full", "cached"] } as const;
  expect(fseOf(halves, 0.1)).toBeCloseTo(1 + 0.5 + 0.1, 12);
});
