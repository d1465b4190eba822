import { afterAll, describe, expect, test } from "vitest";
import { type Cut, cut } from "../../src/deepcache/cut.ts";
import { withForecast } from "../../src/deepcache/forecast.ts";
import { cachedDenoiser, loadCut, loadPair } from "../../src/denoisers/cached.ts";
import { loadParts } from "../../src/denoisers/loaded-part.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Feed } from "../../src/runtime/runtime.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";
import { openNetwork } from "./networks.ts";

const NETWORKS = ["unet-sd15", "unet-sd21", "unet-sdxl", "unet-inpaint9", "unet-ddpm-cifar", "unet-ddpm-lsun"] as const;
const LAYOUTS = { parts: loadCut, pair: loadPair } as const;
const EVALUATIONS = 5;
const now = (): number => 0;

/** z₁ + factor · (z₁ − z₀) in float32, one operation after the other. */
const onTheLine = (last: Tensor, before: Tensor, factor: number): Tensor => ({
  shape: last.shape,
  data: last.data.map((value, i) =>
    Math.fround(value + Math.fround(Math.fround(value - before.data[i]!) * Math.fround(factor))),
  ),
});

describe.each(NETWORKS)("a forecast on %s", async (name) => {
  const { network, sample, timestep, conditioning } = await openNetwork(name);
  const runtime = nodeRuntime();
  const copying = cut(network, 1);
  const forecasting = withForecast(copying);
  const samples = Array.from({ length: EVALUATIONS }, (_, i) =>
    i === 0 ? sample : randomTensor(sample.shape, 100 + i),
  );

  /** The predictions of a run over `samples`, of which those in `full` are full. */
  async function predictions(
    load: typeof loadCut,
    parts: Cut,
    full: readonly number[],
    factors?: readonly number[],
    seen: readonly Tensor[] = samples,
  ): Promise<Tensor[]> {
    await using sessions = await load(runtime, parts);
    using denoiser = cachedDenoiser(
      sessions,
      { isFull: (evaluation) => full.includes(evaluation), factors },
      { conditioning, now },
    );
    const found: Tensor[] = [];
    for (const [i, input] of seen.entries()) found.push(await denoiser.predict(input, timestep - 7 * i));
    return found;
  }

  /** The same from head, trunk, tail and a sum, one by one. */
  const parts = await loadParts(runtime, { head: copying.head, trunk: copying.trunk, tail: copying.tail });
  afterAll(() => parts[Symbol.asyncDispose]());
  async function writtenOut(full: readonly number[], factors: readonly number[]): Promise<Tensor[]> {
    const kept: Record<string, Tensor>[] = [];
    const found: Tensor[] = [];
    for (const [i, input] of samples.entries()) {
      const known: Record<string, Feed> = {
        ...conditioning,
        sample: input,
        timestep: { data: Float32Array.of(timestep - 7 * i), shape: [1] },
      };
      const results = async (part: (typeof parts)["head"]): Promise<Record<string, Tensor>> =>
        Object.fromEntries(
          await Promise.all(
            Object.entries(await part.run(known)).map(async ([key, value]) => [key, await value.download()] as const),
          ),
        );
      Object.assign(known, await results(parts.head));
      if (full.includes(i)) kept.unshift(await results(parts.trunk));
      const [last = {}, before = last] = kept;
      for (const [key, value] of Object.entries(last)) {
        known[key] = full.includes(i) ? value : onTheLine(value, before[key]!, factors[i]!);
      }
      found.push((await results(parts.tail))["prediction"]!);
    }
    return found;
  }

  test.each(["parts", "pair"] as const)("is the sum on the trunk's last two results, in %s", async (layout) => {
    const [full, factors] = [
      [0, 1, 4],
      [0, 0, 0.75, 1.5, 0],
    ];
    const forecast = await predictions(LAYOUTS[layout], forecasting, full, factors);
    const expected = await writtenOut(full, factors);
    forecast.forEach((prediction, i) => {
      expect(prediction, `evaluation ${i}`).toBeCloseTensor(expected[i]!, NETWORK_CALL);
    });
    const copied = await predictions(LAYOUTS[layout], copying, full);
    expect(forecast[2]?.data, "a forecast is no copy").not.toEqual(copied[2]?.data);
  });

  test.each(["parts", "pair"] as const)("by 0 is the copy bit for bit, in %s", async (layout) => {
    const load = LAYOUTS[layout];
    const copied = await predictions(load, copying, [0, 2]);
    expect(await predictions(load, forecasting, [0, 2], [0, 0, 0, 0, 0])).toEqual(copied);
    expect(await predictions(load, forecasting, [0, 2], [])).toEqual(copied);
  });

  test("from one result is the copy", async () => {
    expect(await predictions(loadPair, forecasting, [0], [0, 1, 1, 1, 1])).toEqual(
      await predictions(loadPair, copying, [0]),
    );
  });

  test("from two equal results is that result", async () => {
    const seen = samples.map((_, i) => samples[Math.max(0, i - 1)]!); // the first two are the same
    const still = async (parts: Cut, factors?: readonly number[]): Promise<Tensor[]> => {
      await using sessions = await loadPair(runtime, parts);
      using denoiser = cachedDenoiser(sessions, { isFull: (i) => i < 2, factors }, { conditioning, now });
      const found: Tensor[] = [];
      for (const input of seen) found.push(await denoiser.predict(input, timestep));
      return found;
    };
    expect(await still(forecasting, [0, 0, 0.75, 1.5, 2.25])).toEqual(await still(copying));
  });
});

test("a forecast keeps two results alive between evaluations, and frees them", async () => {
  const { network, sample, timestep, conditioning } = await openNetwork("unet-sdxl");
  const runtime = countingRuntime(nodeRuntime());
  await using sessions = await loadPair(runtime, withForecast(cut(network, 1)));
  const counts: number[] = [];
  {
    using denoiser = cachedDenoiser(
      sessions,
      { isFull: (i) => i < 3, factors: [0, 0, 0, 0.5, 0.5] },
      { conditioning, now },
    );
    for (let i = 0; i < EVALUATIONS; i++) {
      await denoiser.predict(sample, timestep - i);
      counts.push(runtime.tensors);
    }
    const [one = 0] = counts;
    expect(counts).toEqual([one, 2 * one, 2 * one, 2 * one, 2 * one]);
    expect(one).toBeGreaterThan(0);
  }
  expect(runtime.tensors).toBe(0);
});

test("a forecasting run that is begun again starts from nothing", async () => {
  const { network, sample, timestep, conditioning } = await openNetwork("unet-ddpm-cifar");
  await using sessions = await loadPair(nodeRuntime(), withForecast(cut(network, 1)));
  const plan = { isFull: (i: number) => i < 2, factors: [0, 0, 1, 2] };
  const run = async (seed: number): Promise<Tensor[]> => {
    using denoiser = cachedDenoiser(sessions, plan, { conditioning, now });
    const found: Tensor[] = [];
    for (let i = 0; i < 4; i++) found.push(await denoiser.predict(randomTensor(sample.shape, seed + i), timestep - i));
    return found;
  };
  const first = await run(1);
  await run(50);
  expect(await run(1)).toEqual(first);
});
