import { describe, expect, test } from "vitest";
import { describeUNet } from "../../src/deepcache/describe-unet.ts";
import { fullEvaluations } from "../../src/deepcache/policies.ts";
import { policyForSpeedup } from "../../src/deepcache/speedup.ts";
import { architecture } from "../../src/models/architectures.ts";

/** What a cached evaluation at branch 0 takes of a full one. */
function ratioOf(name: string): number {
  const { macs, branches } = describeUNet(architecture(name).unet);
  return branches[0]!.hoisted / (macs.full - macs.prelude);
}

describe.each(["stable-diffusion-v1-5", "stable-diffusion-xl", "ldm-4-g", "ddpm-cifar10", "ddpm-lsun"])(
  "a speed-up on %s",
  (name) => {
    const ratio = ratioOf(name);

    test.each([
      [50, 2],
      [50, 3],
      [100, 3],
      [250, 5],
    ])("over %i evaluations takes a %i-th of the operations within 10 %%", (evaluations, speedup) => {
      const policy = policyForSpeedup(speedup, { evaluations, ratio, noisy: false });
      const full = fullEvaluations(policy, evaluations).length;
      const taken = full + ratio * (evaluations - full);
      expect(Math.abs(evaluations / taken / speedup - 1)).toBeLessThan(0.1);
    });

    test("beyond what a cache allows is refused", () => {
      expect(() => policyForSpeedup(1 / ratio + 1, { evaluations: 50, ratio, noisy: false })).toThrow(
        /^Cannot be .* times as fast: a run of 50 evaluations is at most \d+\.\d times as fast with a cache/,
      );
    });
  },
);

const RUN = { evaluations: 20, ratio: 0.1, noisy: false };

test("a speed-up of 1 is no cache, and less is refused", () => {
  expect(policyForSpeedup(1, RUN)).toEqual({ kind: "off" });
  for (const wrong of [0, 0.5, -2, Number.NaN]) {
    expect(() => policyForSpeedup(wrong, RUN)).toThrow(`Cannot be ${wrong} times as fast: a number from 1 is required`);
  }
});

test("a forecast begins with two full evaluations; it is damped more where few are full", () => {
  expect(policyForSpeedup(1.5, RUN)).toMatchObject({ forecast: { damping: 0.75 } });
  const low = policyForSpeedup(3, RUN);
  expect(low).toMatchObject({ forecast: { damping: 0.5 } });
  expect(fullEvaluations(low, 20).slice(0, 2)).toEqual([0, 1]);
});

test("a sampler that draws noise gets copies", () => {
  expect(policyForSpeedup(3, { ...RUN, noisy: true })).toEqual({ kind: "listed", full: [0, 4, 8, 12, 16], branch: 0 });
});
