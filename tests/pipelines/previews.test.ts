import { describe, expect, test } from "vitest";
import { hasLinearPreviews, linearPreviewer } from "../../src/pipelines/latents/previews.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** Latents of one image whose channels have these values everywhere. */
const flat = (...values: readonly number[]): Tensor => ({
  data: Float32Array.from({ length: 4 * values.length }, (_, i) => values[Math.floor(i / 4)] ?? 0),
  shape: [1, values.length, 2, 2],
});

/** The colour of the previews of such latents. */
function colourOf(scalingFactor: number, latents: Tensor): readonly number[] {
  const previewer = linearPreviewer({ scalingFactor, latentChannels: 4 }, 8);
  if (previewer?.kind !== "linear") throw new Error("These latents have no linear previews");
  const [image] = previewer.images(latents);
  expect([image?.width, image?.height]).toEqual([16, 16]);
  return [...(image?.data.subarray(0, 3) ?? [])];
}

describe("linear previews", () => {
  // Rows of the published matrices, by hand.
  test.each([
    [0.18215, [0, 0, 0, 0], [128, 128, 128]],
    [0.18215, [1, 0, 0, 0], [165.5, 153.9, 154]],
    [0.18215, [0, 0, 0, 1], [104, 92.9, 67.2]],
    [0.13025, [0, 0, 0, 0], [150, 140, 130]],
    [0.13025, [1, 0, 0, 0], [210, 200, 190]],
    [0.13025, [0, 0, 0, 1], [80, 90, 95]],
  ])("of latents scaled by %d with channels %o have the colour %o", (scale, channels, colour) => {
    const found = colourOf(scale, flat(...channels));
    found.forEach((level, i) => {
      expect(Math.abs(level - (colour[i] ?? 0))).toBeLessThanOrEqual(1);
    });
  });

  test("are there for latents of four channels of a known scale alone", () => {
    const known = (scalingFactor: number, latentChannels: number) =>
      hasLinearPreviews({ scalingFactor, latentChannels });
    expect([known(0.18215, 4), known(0.13025, 4), known(1, 4), known(0.18215, 16)]).toEqual([true, true, false, false]);
  });
});
