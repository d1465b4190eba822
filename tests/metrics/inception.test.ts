import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";
import { featureStatistics, frechetDistance } from "../../src/metrics/frechet-distance.ts";
import { inceptionFeatures, openInception } from "../../src/metrics/inception-features.ts";
import { inceptionScore } from "../../src/metrics/inception-score.ts";
import { type Matrix, matrix } from "../../src/metrics/linear-algebra/matrix.ts";
import { INCEPTION_WIDTHS, type InceptionOutput } from "../../src/models/judges/inception.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { DEEP_NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { readFixture, readJson } from "../support/fixtures.ts";
import { inceptionWeights } from "../support/models/inception-weights.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";
import { DIGITS_OF_FID, DIGITS_OF_FLOAT32 } from "./precision.ts";

const expected = readJson("inception/expected.json") as Record<"fid" | "sfid" | "inceptionScore", number>;
const file = readFixture("inception/expected.safetensors");
const OUTPUTS = Object.keys(INCEPTION_WIDTHS) as InceptionOutput[];

const folder = mkdtempSync(join(tmpdir(), "deepcache-inception-"));
afterAll(() => rmSync(folder, { recursive: true }));
let weights: Weights;
beforeAll(async () => {
  const path = join(folder, "inception.safetensors");
  await writeSafetensors(path, inceptionWeights());
  weights = await openInception(path);
});

function pictures(set: "real" | "generated"): RgbImage[] {
  const { data, shape } = file.tensor(`${set}.pictures`);
  const [count = 0, height = 0, width = 0] = shape;
  return Array.from({ length: count }, (_, i) =>
    rgbImage(width, height, Uint8Array.from(data.subarray(i * width * height * 3, (i + 1) * width * height * 3))),
  );
}

const asMatrix = (data: Float32Array, output: InceptionOutput): Matrix =>
  matrix(data.length / INCEPTION_WIDTHS[output], INCEPTION_WIDTHS[output], Float64Array.from(data));

describe("the Inception network", () => {
  test("sees what pytorch-fid sees, and the sets' distances are pytorch-fid's", async () => {
    const runtime = countingRuntime(nodeRuntime());
    const network = inceptionFeatures(runtime, weights, { batch: 3 });
    const found = {
      real: await network.extract(pictures("real")),
      generated: await network.extract(pictures("generated")),
    };
    for (const [set, features] of Object.entries(found)) {
      for (const output of OUTPUTS) {
        const first = {
          data: features[output].subarray(0, 2 * INCEPTION_WIDTHS[output]),
          shape: [2, INCEPTION_WIDTHS[output]],
        };
        expect(first).toBeCloseTensor(file.tensor(`${set}.${output}`), DEEP_NETWORK_CALL);
      }
    }
    const distance = (output: InceptionOutput): number =>
      frechetDistance(
        featureStatistics(asMatrix(found.real[output], output)),
        featureStatistics(asMatrix(found.generated[output], output)),
      );
    expect(distance("pool")).toBeCloseTo(expected.fid, DIGITS_OF_FID);
    expect(distance("spatial")).toBeCloseTo(expected.sfid, DIGITS_OF_FID);
    const score = inceptionScore(asMatrix(found.generated.probabilities, "probabilities"), 1);
    expect(score.mean).toBeCloseTo(expected.inceptionScore, DIGITS_OF_FLOAT32);
    expect([runtime.sessions, runtime.tensors]).toEqual([1, 0]);
    await network[Symbol.asyncDispose]();
    expect(runtime.sessions).toBe(0);
  });

  test("sees what TensorFlow's graph sees, where that is asked for", async () => {
    await using network = inceptionFeatures(nodeRuntime(), weights, { batch: 1, input: "tensorflow" });
    const features = await network.extract(pictures("generated").slice(0, 1));
    for (const output of OUTPUTS) {
      expect({ data: features[output], shape: [1, INCEPTION_WIDTHS[output]] }).toBeCloseTensor(
        file.tensor(`tensorflow.${output}`),
        DEEP_NETWORK_CALL,
      );
    }
  });

  test("refuses images of different sizes together", async () => {
    await using network = inceptionFeatures(nodeRuntime(), weights, { batch: 2 });
    const [real, generated] = [pictures("real")[0]!, pictures("generated")[0]!];
    await expect(network.extract([real, generated])).rejects.toThrow(
      "Cannot look at images of 48x48 and 56x40 pixels together: sizes must agree",
    );
  });

  test("refuses the weights of another network", async () => {
    const path = join(folder, "other.safetensors");
    const { "fc.weight": _, ...rest } = inceptionWeights();
    await writeSafetensors(path, rest);
    await expect(openInception(path)).rejects.toThrow(
      `Cannot use "${path}" as the Inception network of FID: "fc.weight" [1008,2048] is missing`,
    );
  });
});
