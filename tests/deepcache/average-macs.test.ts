import { describe, expect, test } from "vitest";
import { averageMacs, type EvaluationMacs } from "../../src/deepcache/cost.ts";
import { cut } from "../../src/deepcache/cut.ts";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { countMacs } from "../../src/onnx/macs.ts";

/** As the paper counts, in 10⁹, at its branch 3. */
function paperMacs(name: "ddpm-cifar10" | "ddpm-lsun"): EvaluationMacs {
  const config = unetConfig(ARCHITECTURES[name].unet);
  const [height, width] = config.sampleSize ?? [0, 0];
  const { head, trunk, tail } = cut(unet(config, { batch: 1, height, width }), 2);
  const [everyTime, inFull] = [countMacs(head).reference + countMacs(tail).reference, countMacs(trunk).reference];
  return { full: (everyTime + inFull) / 1e9, cached: everyTime / 1e9 };
}

describe("the average cost of an evaluation", () => {
  test("is the published one for DDPM on CIFAR-10", () => {
    const rows = averageMacs(paperMacs("ddpm-cifar10"), [2, 3, 5, 10], 100);
    expect(rows.map(({ full }) => full)).toEqual([50, 34, 20, 10]);
    // Table 2 prints 4.15, 3.54, 3.01 and 2.63.
    expect(rows.map(({ average }) => average.toFixed(3))).toEqual(["4.155", "3.544", "3.009", "2.627"]);
    expect(rows.map(({ speedUp }) => speedUp.toFixed(2))).toEqual(["1.46", "1.71", "2.02", "2.31"]);
  });

  test("is the published one for DDPM on LSUN", () => {
    const rows = averageMacs(paperMacs("ddpm-lsun"), [2, 3, 5], 100);
    expect(rows.map(({ average }) => average.toFixed(1))).toEqual(["190.8", "172.3", "156.0"]);
  });

  test("is that of a full evaluation at interval 1 and in a single step", () => {
    const macs = { full: 10, cached: 1 };
    expect(averageMacs(macs, [1], 7)).toEqual([{ interval: 1, full: 7, average: 10, speedUp: 1 }]);
    expect(averageMacs(macs, [5], 1)).toEqual([{ interval: 5, full: 1, average: 10, speedUp: 1 }]);
    expect(averageMacs(macs, [], 7)).toEqual([]);
  });

  test.each([
    [0, 10, "interval 0"],
    [1.5, 10, "interval 1.5"],
    [2, 0, "0 evaluations"],
    [2, 2.5, "2.5 evaluations"],
  ])("is refused at interval %f over %f steps", (interval, steps, message) => {
    expect(() => averageMacs({ full: 10, cached: 1 }, [interval], steps)).toThrow(message);
  });
});
