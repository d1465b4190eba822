import { beforeAll, describe, expect, test } from "vitest";
import type { Conditioning } from "../../src/denoisers/evaluation.ts";
import { type CutAs, loadUNet, startDenoiser } from "../../src/denoisers/unet-run.ts";
import { type UNet, unet } from "../../src/models/unet/unet.ts";
import { type NodeRuntimeOptions, nodeRuntime, nodeRuntimeInPieces } from "../../src/runtime/node/node.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { INT8_CALL, NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";

const BRANCH = 1;
const SHAPE = [2, 4, 8, 8] as const;
let network: UNet;
let conditioning: Conditioning;
let exact: readonly Tensor[];

/** The predictions of two evaluations of the same sample at the same time, the second of which is cached where it is cut. */
async function predictions(runtime: Runtime, cutAs: CutAs = { branch: BRANCH }): Promise<readonly Tensor[]> {
  await using loaded = await loadUNet(runtime, network, cutAs);
  using denoiser = startDenoiser(loaded, { full: new Set([0]) }, { conditioning, now: () => 0 });
  const sample = randomTensor(SHAPE, 1);
  return [await denoiser.predict(sample, 500), await denoiser.predict(sample, 500)];
}

const int8 = (options: NodeRuntimeOptions = {}): Runtime => nodeRuntime({ precision: "int8", ...options });

describe("a network in int8", () => {
  beforeAll(async () => {
    const { model } = await openModel({ path: defaultModelFolder(), tokenizer: defaultTokenizerFolder() });
    const { config, weights } = model.unet;
    network = unet(config, { batch: 2, height: 8, width: 8, contextLength: 16, hoist: BRANCH }, weights);
    conditioning = { encoder_hidden_states: randomTensor([2, 16, 128], 2) };
    exact = await predictions(nodeRuntime());
  });

  test("gives on a cached evaluation what it gives on the full one before, where nothing has changed", async () => {
    const [full, cached] = await predictions(int8());
    expect(cached).toBeCloseTensor(full!, INT8_CALL);
    expect(full).toBeCloseTensor(exact[0]!, INT8_CALL);
    expect(full).not.toBeCloseTensor(exact[0]!, NETWORK_CALL);
  });

  test("gives the same uncut", async () => {
    const [cut] = await predictions(int8());
    const [uncut] = await predictions(int8(), {});
    expect(uncut).toBeCloseTensor(cut!, INT8_CALL);
  });

  test.each<[string, () => Runtime]>([
    ["in low memory", () => int8({ lowMemory: true })],
    ["in pieces", () => nodeRuntimeInPieces({ precision: "int8" }, 2 ** 22)],
    ["on one thread, that of the caller", () => int8({ threads: 1, thread: "caller" })],
  ])("gives the same %s", async (_, runtime) => {
    const [full, cached] = await predictions(int8());
    const [otherFull, otherCached] = await predictions(runtime());
    expect(otherFull).toBeCloseTensor(full!, INT8_CALL);
    expect(otherCached).toBeCloseTensor(cached!, INT8_CALL);
  });
});
