import { expect, test } from "vitest";
import { pipeline } from "../../src/library/pipeline.ts";
import { fixturePath } from "../support/fixtures.ts";

const MODEL = fixturePath("pipelines/sd15/model");
const REQUEST = { prompt: "a castle by the sea", seed: 1, steps: 6, cache: 3 } as const;

test("a small model runs in a thread of its own, to the same bits as on the calling thread", async () => {
  await using own = await pipeline("text-to-image", MODEL);
  await using caller = await pipeline("text-to-image", MODEL, { thread: "caller" });
  const [there, here] = [await own.generate(REQUEST), await caller.generate(REQUEST)];
  expect(there.latents).toEqual(here.latents);
  expect(there.image.png()).toEqual(here.image.png());
  expect(there.warnings).toEqual(here.warnings);
});

test("pictures, masks and what is misused cross to the thread and back", async () => {
  await using own = await pipeline("text-to-image", MODEL);
  const { image } = await own.generate(REQUEST);
  const again = await own("a boat", { image, mask: image, strength: 0.5, seed: 2, steps: 4, previewEvery: 1 });
  expect([again.image.width, again.image.height]).toEqual([image.width, image.height]);
  await expect(own("a boat", { seed: 2, width: 63 })).rejects.toThrow(
    expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringContaining("63") }),
  );
});
