import { describe, expect, test } from "vitest";
import type { Variant } from "../../src/library/loaded-model.ts";
import { pipeline } from "../../src/library/pipeline.ts";
import type { ImageEvent } from "../../src/library/results.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath } from "../support/fixtures.ts";

const pipe = await pipeline("text-to-image", fixturePath("pipelines/sd15/model"));
const request = { prompt: "a fox", seed: 3, steps: 6, sampler: "ddim" } as const;
const off = { cache: "off" } as const;

async function compared(variants: readonly Variant[], options: object = {}) {
  const events: ImageEvent[] = [];
  const results = await pipe.compare({ ...request, onEvent: (event) => events.push(event), ...options }, variants);
  const evaluations = events.filter(({ type }) => type === "evaluation").map(({ lane }) => lane);
  return { results, events, evaluations };
}

describe("runs that are compared", () => {
  test("take turns, and make the images that each makes alone", async () => {
    const { results, evaluations } = await compared([off, { cache: 3 }]);
    expect(evaluations).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    const [original, cached] = results;
    expect(original?.latents).toBeCloseTensor((await pipe.generate(request)).latents, PIPELINE_LATENTS);
    const alone = await pipe.generate({ ...request, cache: 3 });
    expect([...(cached?.image.data ?? [])]).toEqual([...alone.image.data]);
    expect(results.map(({ full }) => full.length)).toEqual([6, 2]);
  });

  test("have the same seed where none is given, and steps and samplers of their own", async () => {
    const { results, evaluations } = await compared([{ steps: 2 }, { sampler: "euler" }], { seed: undefined });
    const [first, second] = results;
    expect(first?.seed).toBe(second?.seed);
    expect(evaluations).toEqual([0, 1, 0, 1, 1, 1, 1, 1]);
    expect(results.map(({ sampler, steps }) => [sampler, steps])).toEqual([
      ["ddim", 2],
      ["euler", 6],
    ]);
  });

  test("count their own time alone", async () => {
    const before = performance.now();
    const { results } = await compared([off, off, off]);
    const wall = (performance.now() - before) / 1000;
    expect(results.reduce((sum, { seconds }) => sum + seconds.total, 0)).toBeLessThanOrEqual(wall);
  });

  test("follow one another where they need different networks", async () => {
    const { results, evaluations } = await compared([off, { cache: "uniform:3:1" }, { cache: 3 }]);
    expect(evaluations).toEqual([0, 1, 2].flatMap((lane) => new Array(6).fill(lane)));
    const alone = await pipe.generate({ ...request, cache: "uniform:3:1" });
    expect([...(results[1]?.latents.data ?? [])]).toEqual([...alone.latents.data]);
  });

  test("take a preset in place of sampler, steps and cache", async () => {
    const { results } = await compared([{ ...off, steps: 2 }, { preset: "fast" }]);
    expect(results[1]).toMatchObject({ sampler: "dpmpp-2m-karras", steps: 16 });
  });

  test("share networks that forecast", async () => {
    const { results, evaluations } = await compared([off, { cache: "uniform:2:0+forecast:0.75" }]);
    expect(evaluations.slice(0, 4)).toEqual([0, 1, 0, 1]);
    const alone = await pipe.generate({ ...request, cache: "uniform:2:0+forecast:0.75" });
    expect([...(results[1]?.latents.data ?? [])]).toEqual([...alone.latents.data]);
  });

  test("tell results and previews with the number of their lane", async () => {
    const { events } = await compared([off, { cache: 2 }], { previewEvery: 3 });
    for (const type of ["preview", "result"]) {
      expect(new Set(events.filter((event) => event.type === type).map(({ lane }) => lane))).toEqual(new Set([0, 1]));
    }
  });
});

test("a comparison ends as a whole, and the model can be used again", async () => {
  const run = pipe.compare({ ...request, steps: 50 }, [off, { cache: 3 }]);
  for await (const event of run) if (event.type === "evaluation" && event.lane === 1) break;
  await expect(run).rejects.toMatchObject({ name: "AbortError" });
  expect((await pipe.generate(request)).images).toHaveLength(1);
});

test.each([
  [[], "Cannot compare []: a list of one or more variants such as { cache: 3 } is required"],
  [3, "Cannot compare 3"],
  [[{ seed: 3 }], 'No option of a variant of "model" is called "seed"'],
  [[{ cache: "uniform" }], 'Cannot read the cache policy "uniform"'],
  [[{ cache: "off" }, { cache: "uniform:3:99" }], "branch"],
  [[{ cache: 2, speedup: 2 }], "Cannot use a speed-up together with a cache policy"],
])("%j is refused", async (variants, message) => {
  const run = pipe.compare(request, variants as readonly Variant[]);
  await expect(run).rejects.toMatchObject({
    code: expect.stringMatching(/^OPTION_/),
    message: expect.stringContaining(message),
  });
});

test("runs without a cache follow one another where memory is low", async () => {
  await using sparing = await pipeline("text-to-image", fixturePath("pipelines/sd15/model"), { memory: "low" });
  const lanes: unknown[] = [];
  const run = sparing.compare({ ...request, steps: 2 }, [off, { cache: 2 }]);
  for await (const { type, lane } of run) if (type === "evaluation") lanes.push(lane);
  expect(lanes).toEqual([0, 0, 1, 1]);
});
