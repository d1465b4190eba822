import { describe, expect, test } from "vitest";
import { withTrainedSampleSize } from "../../src/systems/old-sample-size.ts";

describe("sample_size of Stable Diffusion's U-Net", () => {
  test.each([
    [{ _diffusers_version: "0.6.0", sample_size: 32 }, 64],
    [{ _diffusers_version: "0.8.1", sample_size: 63 }, 64],
    [{ _diffusers_version: "0.9.0.dev0", sample_size: 32 }, 32],
    [{ _diffusers_version: "0.9.0", sample_size: 32 }, 32],
    [{ _diffusers_version: "0.30.0", sample_size: 32 }, 32],
    [{ _diffusers_version: "0.6.0", sample_size: 96 }, 96],
    [{ _diffusers_version: "0.6.0", sample_size: [32, 32] }, [32, 32]],
    [{ sample_size: 32 }, 32],
  ])("of %j is taken for %j", (config, sampleSize) => {
    expect(withTrainedSampleSize(config)).toEqual({ ...config, sample_size: sampleSize });
  });

  test("of what is no config passes, for its reader to refuse", () => {
    expect(withTrainedSampleSize(null)).toBe(null);
  });
});
