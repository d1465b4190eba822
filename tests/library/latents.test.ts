import { afterAll, describe, expect, test } from "vitest";
import { pipeline } from "../../src/library/pipeline.ts";
import { interpolate } from "../../src/tensor/interpolate.ts";
import { fixturePath } from "../support/fixtures.ts";

const pipe = await pipeline("text-to-image", fixturePath("pipelines/sd15/model"));
afterAll(() => pipe.dispose());
const OPTIONS = { steps: 4, seed: 1, sampler: "euler", strength: 0.5 } as const;
const first = await pipe("a fox", { ...OPTIONS, strength: undefined, count: 2 });
const [, , rows = 0, columns = 0] = first.latents.shape;

describe("Latents of an earlier run as image", () => {
  test("are gone on from without an autoencoder between, each by its image", async () => {
    const image = { latents: first.latents, width: first.image.width, height: first.image.height };
    const both = await pipe("a fox", { ...OPTIONS, image, count: 2 });
    expect(both).toMatchObject({ strength: 0.5, evaluations: 2, seconds: { encode: expect.any(Number) } });
    const alone = await pipe("a fox", { ...OPTIONS, image: { ...image, latents: rowOf(0) } });
    expect(alone.image.data).toEqual(both.image.data);
    expect(both.images[1]?.data).not.toEqual(both.image.data);
  });

  test("make larger pictures where they are larger", async () => {
    const latents = interpolate(first.latents, 2 * rows, 2 * columns, "bilinear");
    const image = { latents, width: 2 * first.image.width, height: 2 * first.image.height };
    const { image: made } = await pipe("a fox", { ...OPTIONS, image, count: 2 });
    expect([made.width, made.height]).toEqual([image.width, image.height]);
  });

  test("are refused where they are not of the size, or come with a mask", async () => {
    const image = { latents: first.latents, width: 8 * columns + 8, height: 8 * rows };
    await expect(pipe("a", { ...OPTIONS, image })).rejects.toThrow(
      `Cannot generate with latents of [2, 4, ${rows}, ${columns}]: [1, 4, ${rows}, ${columns + 1}] is required`,
    );
    const fitting = { ...image, width: 8 * columns };
    await expect(pipe("a", { ...OPTIONS, image: fitting, mask: first.image })).rejects.toThrow(
      "Cannot generate with a mask and latents: a picture is required",
    );
    await expect(pipe("a", { ...OPTIONS, image: fitting, count: 3 })).rejects.toThrow(
      /latents of \[2, .* \[1 or 3, 4,/,
    );
  });
});

/** The latents of one image. */
function rowOf(index: number) {
  const { data, shape } = first.latents;
  const size = data.length / (shape[0] ?? 1);
  return { data: data.slice(index * size, (index + 1) * size), shape: [1, ...shape.slice(1)] };
}
