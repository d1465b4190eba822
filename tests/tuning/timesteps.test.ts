import { expect, test } from "vitest";
import { listedSampler, SAMPLER_NAMES } from "../../src/diffusion/samplers.ts";
import { moveTimesteps } from "../../src/tuning/timesteps.ts";
import type { Trial, Trials } from "../../src/tuning/trials.ts";
import type { TrialRun } from "../../src/tuning/tuning.ts";

const BEST = [999, 700, 333, 60, 2];

/** Trials of a model for which the best timesteps are known: the score falls with the distance from them. */
function known(own: readonly number[], plain = -1e6) {
  const asked: (readonly number[])[] = [];
  const score = async (run: TrialRun): Promise<Trial> => {
    const { timesteps } = run;
    if (timesteps !== undefined) asked.push(timesteps);
    const distance = timesteps?.reduce((sum, timestep, i) => sum + (timestep - BEST[i]!) ** 2, 0);
    return { run, score: distance === undefined ? plain : -distance, evaluations: 5, fse: 4, ratio: 0.1 };
  };
  const trials: Trials = {
    ...{ score, look: score, timesteps: async () => own },
    features: () => Promise.reject(new Error("no features are needed")),
  };
  return { trials, asked };
}

const cache = { kind: "listed", full: [0, 1, 3], branch: 0, forecast: { damping: 0.5 } } as const;
const found: Trial = {
  run: { sampler: "dpmpp-2m-karras", steps: 5, cache },
  ...{ score: -1e6, evaluations: 5, fse: 4, ratio: 0.1 },
};

test("timesteps move to where a run comes nearest, but for the first", async () => {
  const { trials } = known([999, 800.4, 500.6, 90.2, 0]);
  const moved = await moveTimesteps(found, 400, trials);
  expect(moved?.run).toEqual({ sampler: "dpmpp-2m", steps: 5, cache, timesteps: BEST });
});

test("no more trials are made than are given, and every list falls", async () => {
  const { trials, asked } = known([999, 800, 500, 90, 0]);
  await moveTimesteps(found, 17, trials);
  expect(asked.length).toBe(18); // with the start
  for (const timesteps of asked) {
    expect(timesteps[0]).toBe(999);
    expect(timesteps.every((timestep, i) => timestep >= 0 && (i === 0 || timestep < timesteps[i - 1]!))).toBe(true);
  }
});

test("spacings that round to one timestep are taken apart", async () => {
  const { trials, asked } = known([999, 700, 0.4, 0.3, 0]);
  await moveTimesteps(found, 1, trials);
  expect(asked[0]).toEqual([999, 700, 2, 1, 0]);
});

test("the sampler's own spacing stays where no list is better, and where it takes none", async () => {
  const { trials, asked } = known([999, 800, 500, 90, 0], 0);
  expect(await moveTimesteps({ ...found, score: 1 }, 20, trials)).toBeUndefined();
  asked.length = 0;
  const unipc: Trial = { ...found, run: { ...found.run, sampler: "unipc-trailing" } };
  expect(await moveTimesteps(unipc, 20, trials)).toBeUndefined();
  expect(asked).toEqual([]);
});

test("a sampler stands for its spacings", () => {
  expect(listedSampler("dpmpp-2m-karras")).toBe("dpmpp-2m");
  expect(listedSampler("ddim-trailing")).toBe("ddim");
  expect(listedSampler("euler")).toBe("euler");
  expect(listedSampler("pndm")).toBeUndefined();
  for (const name of SAMPLER_NAMES) expect([undefined, ...SAMPLER_NAMES]).toContain(listedSampler(name));
});
