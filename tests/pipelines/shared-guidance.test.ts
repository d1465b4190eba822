import { expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { withSharedHalves } from "../../src/deepcache/shared-halves.ts";
import { loadUNet } from "../../src/denoisers/unet-run.ts";
import { samplerFromConfig } from "../../src/diffusion/samplers.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { denoise } from "../../src/pipelines/run/denoise.ts";
import { seededNoise } from "../../src/pipelines/run/seeded-noise.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { MULTISTEP_TRAJECTORY } from "../support/assertions/tolerances.ts";
import { fixturePath } from "../support/fixtures.ts";
import { randomTensor } from "../support/random-tensor.ts";

const IMAGES = 2;
const STEPS = 6;

/** The end of a guided run on a network that sees the sample twice, or once. */
async function run(shared: boolean, branch: number | undefined): Promise<Tensor> {
  const { config: json, weights } = await openComponent(fixturePath("models/unet-sd15"));
  const config = unetConfig(json);
  const [height, width] = config.sampleSize ?? [16, 16];
  const both = unet(config, { batch: 2 * IMAGES, height, width, contextLength: 5, hoist: branch }, weights);
  await using network = await loadUNet(nodeRuntime(), shared ? withSharedHalves(both) : both, { branch });
  const scheduler = readSchedulerConfig({ _class_name: "DDIMScheduler", beta_schedule: "scaled_linear" });
  const noise = seededNoise(3);
  const events = denoise({
    sampler: samplerFromConfig(scheduler, { steps: STEPS }),
    network,
    plan: { full: new Set(branch === undefined ? Array(STEPS).keys() : [0, 3]) },
    conditioning: { encoder_hidden_states: randomTensor([2 * IMAGES, 5, config.contextWidth ?? 0], 1) },
    guidance: { scale: 5 },
    start: noise([IMAGES, config.inChannels, height, width]),
    noise,
    now: () => performance.now(),
  });
  for (let event = await events.next(); ; event = await events.next())
    if (event.done === true) return event.value.latents;
}

test.each([undefined, 0, 1])(
  "a guided run ends where it does when the network sees every image twice: branch %s",
  async (branch) => {
    expect(await run(true, branch)).toBeCloseTensor(await run(false, branch), MULTISTEP_TRAJECTORY);
  },
);
