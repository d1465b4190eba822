import { afterAll, describe, expect, test } from "vitest";
import { cut } from "../../src/deepcache/cut.ts";
import { type CutSessions, cachedDenoiser, loadCut, loadPair } from "../../src/denoisers/cached.ts";
import { directDenoiser } from "../../src/denoisers/direct.ts";
import type { Evaluation } from "../../src/denoisers/evaluation.ts";
import type { Denoiser } from "../../src/diffusion/denoiser.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";
import { openNetwork } from "./networks.ts";

/** A clock that advances by a second a look. */
function clock(): () => number {
  let seconds = 0;
  return () => 1000 * seconds++;
}

const always = (): boolean => true;
const never = (): boolean => false;

/** In three parts, and as a full and a cached evaluation in one piece each. */
const LAYOUTS = {
  parts: {
    load: loadCut,
    full: ["head", "trunk", "tail"],
    cached: ["head", "tail"],
    seconds: { full: { head: 1, trunk: 1, tail: 1 }, cached: { head: 1, tail: 1 } },
  },
  pair: {
    load: loadPair,
    full: ["full"],
    cached: ["cached"],
    seconds: { full: { head: 0, trunk: 1, tail: 0 }, cached: { head: 0, tail: 1 } },
  },
} as const;

describe.each([
  ["unet-sd15", "parts"],
  ["unet-sd15", "pair"],
  ["unet-sdxl", "parts"],
  ["unet-sdxl", "pair"],
  ["unet-ddpm-cifar", "parts"],
  ["unet-ddpm-cifar", "pair"],
] as const)("cachedDenoiser() on %s in %s", async (name, layout) => {
  const { load, ...ran } = LAYOUTS[layout];
  const { network, sample, timestep, conditioning } = await openNetwork(name);
  const runtime = nodeRuntime();
  const sessions: CutSessions = await load(runtime, cut(network, 1));
  afterAll(() => sessions[Symbol.asyncDispose]());
  const context = { conditioning, now: clock() };

  /** The predictions of three evaluations, each of another sample and timestep. */
  async function threeSteps(denoiser: Denoiser, seed: number): Promise<Tensor[]> {
    const predictions: Tensor[] = [];
    for (let i = 0; i < 3; i++) {
      const input = i === 0 && seed === 0 ? sample : randomTensor(sample.shape, 10 * seed + i);
      predictions.push(await denoiser.predict(input, timestep - 7 * i));
    }
    return predictions;
  }

  async function cachedSteps(isFull: (evaluation: number) => boolean, seed: number, on = sessions): Promise<Tensor[]> {
    using denoiser = cachedDenoiser(on, { isFull }, context);
    return await threeSteps(denoiser, seed);
  }

  test("is the whole network where every evaluation is full, and the same bits every time", async () => {
    await using session = await runtime.load(network.graph);
    const direct = await threeSteps(directDenoiser(session, context), 0);
    const cached = await cachedSteps(always, 0);
    cached.forEach((prediction, i) => {
      expect(prediction, `evaluation ${i}`).toBeCloseTensor(direct[i] as Tensor, NETWORK_CALL);
    });
    expect(await cachedSteps(always, 0)).toEqual(cached);
  });

  test("runs the trunk in evaluation 0 even if the plan leaves it out", async () => {
    const evaluations: Evaluation[] = [];
    using denoiser = cachedDenoiser(
      sessions,
      { isFull: never },
      {
        ...context,
        observe: (evaluation) => evaluations.push(evaluation),
      },
    );
    const [first, second] = await threeSteps(denoiser, 0);
    expect(evaluations.map(({ index, full }) => [index, full])).toEqual([
      [0, true],
      [1, false],
      [2, false],
    ]);
    expect(evaluations.map((evaluation) => evaluation.timestep)).toEqual([timestep, timestep - 7, timestep - 14]);
    expect(evaluations.map(({ seconds }) => seconds)).toEqual([
      ran.seconds.full,
      ran.seconds.cached,
      ran.seconds.cached,
    ]);
    const [, full] = await cachedSteps(always, 0);
    expect(first).toEqual((await cachedSteps(always, 0))[0]);
    expect(second?.data, "the cache changes the prediction").not.toEqual(full?.data);
  });

  test("follows the plan by counting evaluations, observed or not", async () => {
    const counting = countingRuntime(runtime);
    await using counted = await load(counting, cut(network, 1));
    const predictions = await cachedSteps((evaluation) => evaluation === 2, 0, counted);
    expect(counting.runs).toEqual([...ran.full, ...ran.cached, ...ran.full]);
    expect(predictions[2]).toEqual((await cachedSteps(always, 0))[2]);
  });

  test("brings nothing over from one run to the next", async () => {
    await cachedSteps(never, 1);
    const second = await cachedSteps(never, 2);
    await using fresh = await load(runtime, cut(network, 1));
    expect(second).toEqual(await cachedSteps(never, 2, fresh));
  });

  test("starts full again once it has been disposed", async () => {
    const evaluations: boolean[] = [];
    const observe = ({ full }: Evaluation) => evaluations.push(full);
    const denoiser = cachedDenoiser(sessions, { isFull: never }, { ...context, observe });
    await denoiser.predict(sample, timestep);
    denoiser[Symbol.dispose]();
    denoiser[Symbol.dispose]();
    await denoiser.predict(sample, timestep);
    denoiser[Symbol.dispose]();
    expect(evaluations).toEqual([true, true]);
  });
});

test("cachedDenoiser() keeps one result alive between evaluations, at every branch", async () => {
  const { network, sample, timestep, conditioning } = await openNetwork("unet-sdxl");
  for (const [load, sessions] of [
    [loadCut, 3],
    [loadPair, 2],
  ] as const)
    for (const branch of network.skips.keys()) {
      const counting = countingRuntime(nodeRuntime());
      {
        await using parts = await load(counting, cut(network, branch));
        expect(counting.sessions).toBe(sessions);
        using denoiser = cachedDenoiser(
          parts,
          { isFull: (evaluation) => evaluation < 2 },
          { conditioning, now: clock() },
        );
        for (let i = 0; i < 3; i++) {
          await denoiser.predict(sample, timestep - i);
          expect(counting.tensors, `branch ${branch}, evaluation ${i}`).toBe(1);
        }
      }
      expect([counting.sessions, counting.tensors], `branch ${branch}`).toEqual([0, 0]);
    }
});

test("cachedDenoiser() names the input that nobody gives", async () => {
  const { network, sample } = await openNetwork("unet-sd15");
  const counting = countingRuntime(nodeRuntime());
  await using sessions = await loadCut(counting, cut(network, 0));
  using denoiser = cachedDenoiser(sessions, { isFull: always }, { conditioning: {}, now: clock() });
  await expect(denoiser.predict(sample, 1)).rejects.toThrow(
    /^Cannot run the (head|trunk): it needs "encoder_hidden_states", which nobody gives$/,
  );
  expect(counting.tensors).toBe(0);
});
