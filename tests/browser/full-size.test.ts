import { describe, expect, test } from "vitest";
import { measureFullSize } from "../../tools/browser/measure-full-size.ts";
import { CHROMIUM } from "../support/browser/chromium.ts";
import { SLOW } from "../support/slow.ts";

// Minutes and gigabytes each: 2.1 GB are written where they are not there, and SwiftShader holds 3.4 GB.
describe.skipIf(CHROMIUM === undefined || !SLOW)("Stable Diffusion 1.5 in float16, of full size, in a browser", () => {
  test("makes a full and a cached evaluation of 256 pixels on the CPU, within WebAssembly's memory", async () => {
    const { outcome, heapMb } = await measureFullSize("wasm");
    expect(outcome.error).toBeUndefined();
    expect(outcome.evaluations).toHaveLength(2);
    expect(heapMb).toBeLessThan(4096);
  }, 1_800_000);

  test("is loaded on a GPU without float16, with at most 100 MB of WebAssembly's memory", async () => {
    const { outcome, heapMb, gpuMb } = await measureFullSize("webgpu");
    expect(outcome).toMatchObject({ name: "AbortError", events: ["phase"] });
    expect(gpuMb).toBeGreaterThan(3000);
    expect(heapMb).toBeLessThanOrEqual(100);
  }, 1_800_000);
});
