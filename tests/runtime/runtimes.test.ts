import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { cut } from "../../src/deepcache/cut.ts";
import { cachedDenoiser, loadPair } from "../../src/denoisers/cached.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { nodeRuntime, nodeRuntimeInPieces } from "../../src/runtime/node/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { openNetwork } from "../denoisers/networks.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { unetCase } from "../support/models/unet-cases.ts";
import { runtimeContract } from "./contract.ts";

const PIECE = 24_000;
const RUNTIMES: Readonly<Record<string, Runtime>> = {
  "a thread of its own": nodeRuntime({ threads: 1 }),
  "the caller's thread": nodeRuntime({ threads: 1, thread: "caller" }),
  "a thread of its own in low memory": nodeRuntime({ threads: 1, lowMemory: true }),
  "the caller's thread in low memory": nodeRuntime({ threads: 1, thread: "caller", lowMemory: true }),
  "pieces in threads": nodeRuntimeInPieces({ threads: 1 }, PIECE),
  "pieces on the caller's thread": nodeRuntimeInPieces({ threads: 1, thread: "caller" }, PIECE),
};

describe.each(Object.entries(RUNTIMES))("nodeRuntime() on %s", (_, runtime) => runtimeContract(runtime));

test("refuses a thread that it does not know", () => {
  expect(() => nodeRuntime({ thread: "other" as "own" })).toThrow(
    new RangeError('Cannot run on thread "other": one of own, caller is required'),
  );
});

describe("threads make no difference to results", async () => {
  const io = readFixture("models/unet-fp16/io.safetensors");
  const { shape, feeds } = unetCase(io, "case0.");
  const { config, weights } = await openComponent(fixturePath("models/unet-fp16"));
  const { graph } = unet(unetConfig(config), shape, weights);
  const { network, sample, timestep, conditioning } = await openNetwork("unet-sd15");
  const parts = cut(network, 1);

  async function prediction(runtime: Runtime): Promise<Tensor | undefined> {
    await using session = await runtime.load(graph);
    return await (await session.run(feeds))["prediction"]?.download();
  }

  async function evaluations(runtime: Runtime): Promise<Tensor[]> {
    await using sessions = await loadPair(runtime, parts);
    using denoiser = cachedDenoiser(sessions, { isFull: (index) => index === 0 }, { conditioning, now: () => 0 });
    return [await denoiser.predict(sample, timestep), await denoiser.predict(sample, timestep - 7)];
  }

  test.each([
    ["a thread of its own", "the caller's thread"],
    ["a thread of its own in low memory", "the caller's thread in low memory"],
    ["pieces in threads", "pieces on the caller's thread"],
  ])("bit for bit: %s and %s", async (own, caller) => {
    const [one, two] = [RUNTIMES[own] as Runtime, RUNTIMES[caller] as Runtime];
    expect(await prediction(one)).toEqual(await prediction(two));
    expect(await evaluations(one)).toEqual(await evaluations(two));
  });
});
