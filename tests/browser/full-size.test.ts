import { describe, expect, test } from "vitest";
import { measureFullSize } from "../../tools/browser/measure-full-size.ts";
import { CHROMIUM } from "../support/browser/chromium.ts";
import { SLOW } from "../support/slow.ts";

// Minutes and gigabytes each: 2.1 GB are written where they are not there, and SwiftShader holds 3.4 GB.
describe.skipIf(CHROMIUM === undefined || !SLOW)("Stable Diffusion 1.5 in float16, of full size, in a browser", () => {
  test("makes a full and a cached evaluation of 256 pixels on the CPU, within WebAssembly's memory", async () => {
    const { outcome, heapMb } = await measureFullSize("wasm");
    expect(outcome.error).toBeUndefined();
    const [full = 0, cached = 0] = outcome.evaluations ?? [];
    expect(outcome.evaluations).toHaveLength(2);
    expect(cached).toBeLessThan(full / 2); // measured: a twentieth
    expect(heapMb).toBeLessThan(3000); // measured: 2406; WebAssembly ends at 4295
    expect(outcome.latents?.every(Number.isFinite)).toBe(true);
  }, 1_800_000);

  test("is loaded on a GPU without float16, with at most 100 MB of WebAssembly's memory", async () => {
    const { outcome, heapMb, gpuMb } = await measureFullSize("webgpu");
    expect(outcome).toMatchObject({ name: "AbortError", events: ["phase"] });
    expect(gpuMb).toBeGreaterThan(3000);
    expect(heapMb).toBeLessThanOrEqual(100);
  }, 1_800_000);
});
