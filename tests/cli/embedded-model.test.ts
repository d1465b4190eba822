import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { decodePng } from "../../src/image/png.ts";
import type { RgbImage } from "../../src/image/rgb-image.ts";
import { defaultModelFolder } from "../../src/systems/shipped.ts";
import { runCli } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-embedded-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Mean colour of the four corners, where only the backdrop is. */
function backdrop({ width, height, data }: RgbImage): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  const edge = 6;
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((x >= edge && x < width - edge) || (y >= edge && y < height - edge)) continue;
      for (let c = 0; c < 3; c++) sum[c] = (sum[c] ?? 0) + (data[(y * width + x) * 3 + c] ?? 0);
      count++;
    }
  }
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}

test("the embedded model follows the prompt's colour, with the cache, without any model given", async () => {
  const args = ["a fox on a red background", "a fox on a blue background", "--steps", "20", "--guidance-scale", "4"];
  const run = await runCli(
    "generate",
    ...args,
    "--interval",
    "3",
    "--seed",
    "1",
    "-o",
    join(folder, "fox.png"),
    "--json",
  );
  expect(run.stderr).toBe("");
  const { images, model } = run.json<{ images: { path: string }[]; model: string }>();
  expect(model).toBe("fluent-scenes");
  const [red, blue] = images.map(({ path }) => backdrop(decodePng(readFileSync(path)).image));
  expect(red?.[0]).toBeGreaterThan(1.5 * (red?.[2] ?? 0));
  expect(blue?.[2]).toBeGreaterThan(1.3 * (blue?.[0] ?? 0));
});

test("the embedded model's weights stay below 30 MB and it keeps the shape that caching is about", async () => {
  const weights = ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"];
  const bytes = weights.map((name) => statSync(join(defaultModelFolder(), `${name}.safetensors`)).size);
  expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(30e6);
  const { skips, branches } = (await runCli("inspect", "--json")).json<{
    skips: number;
    branches: { ratio: number }[];
  }>();
  expect(skips).toBeGreaterThanOrEqual(9); // three levels of two layers
  expect(branches[0]?.ratio).toBeLessThan(0.12);
});
