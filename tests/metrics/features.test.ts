import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clipScore } from "../../src/metrics/clip/clip-score.ts";
import { featureStatistics, frechetDistance } from "../../src/metrics/frechet-distance.ts";
import { inceptionScore } from "../../src/metrics/inception-score.ts";
import { kernelDistance } from "../../src/metrics/kernel-distance.ts";
import { type Matrix, matrix, timesTransposed, transposed } from "../../src/metrics/linear-algebra/matrix.ts";
import { squareRootFactor, symmetricEigenvalues } from "../../src/metrics/linear-algebra/symmetric.ts";
import { precisionAndRecall } from "../../src/metrics/precision-recall.ts";
import { readFixture, readJson } from "../support/fixtures.ts";
import { readRawFixture } from "../tensor/raw-fixture.ts";
import { DIGITS_OF_FLOAT32, DIGITS_OF_FLOAT64, DIGITS_OF_SINGULAR_ROOT } from "./precision.ts";

interface Expected {
  readonly frechet: number;
  readonly kid_cubic_unbiased: number;
  readonly precision_k3: number;
  readonly recall_k3: number;
  readonly singular: boolean;
}
type Score = { readonly mean: number; readonly std: number };
const expected = readJson("metrics/expected.json") as { features: Expected[] } & Record<string, unknown>;
const inputs = readRawFixture("metrics/inputs.safetensors");
const features = (name: string): Matrix => {
  const { shape, buffer } = inputs.get(name)!;
  return matrix(shape[0]!, shape[1]!, new Float64Array(buffer));
};

describe.each(expected.features.map((values, i) => ({ i, values })))(
  "features $i, against the reference",
  ({ i, values }) => {
    const [real, fake] = [features(`features${i}.real`), features(`features${i}.fake`)];

    test("frechetDistance()", () => {
      const [a, b] = [featureStatistics(real), featureStatistics(fake)];
      const digits = values.singular ? DIGITS_OF_SINGULAR_ROOT : DIGITS_OF_FLOAT64;
      expect(frechetDistance(a, b)).toBeCloseTo(values.frechet, digits);
      expect(frechetDistance(b, a)).toBeCloseTo(values.frechet, digits);
      expect(frechetDistance(a, a)).toBeCloseTo(0, DIGITS_OF_SINGULAR_ROOT);
    });

    test("kernelDistance()", () => {
      expect(kernelDistance(real, fake)).toBeCloseTo(values.kid_cubic_unbiased, DIGITS_OF_FLOAT64);
    });

    test("precisionAndRecall()", () => {
      expect(precisionAndRecall(real, fake)).toEqual({ precision: values.precision_k3, recall: values.recall_k3 });
    });
  },
);

test.each([1, 5, 10])("inceptionScore() over %s parts", (splits) => {
  const { mean, std } = expected[`inception_score_splits${splits}`] as Score;
  const score = inceptionScore(features("probabilities"), splits);
  expect(score.mean).toBeCloseTo(mean, DIGITS_OF_FLOAT64);
  expect(score.deviation).toBeCloseTo(std, DIGITS_OF_FLOAT64);
});

test("inceptionScore() of sure and evenly spread answers is the number of classes", () => {
  expect(inceptionScore(matrix(3, 3, Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)), 1).mean).toBeCloseTo(3, 12);
});

test("clipScore() is the model's own", () => {
  const file = readFixture("models/clip-both/io.safetensors");
  const [images, texts, scores] = ["image_embeds", "text_embeds", "clip_score"].map((name) => file.tensor(name).data);
  const embedding = (all: Float32Array, i: number): Float32Array => all.subarray(i * 16, (i + 1) * 16);
  for (const [i, score] of scores!.entries()) {
    expect(clipScore(embedding(images!, i), embedding(texts!, i))).toBeCloseTo(score, DIGITS_OF_FLOAT32);
  }
});

test("what cannot be compared is refused", () => {
  const [narrow, wide] = [matrix(5, 2, new Float64Array(10)), matrix(5, 3, new Float64Array(15))];
  const single = matrix(1, 2, new Float64Array(2));
  expect(() => kernelDistance(narrow, wide)).toThrow("features of 2 and 3 values each");
  expect(() => frechetDistance(featureStatistics(narrow), featureStatistics(wide))).toThrow("features of 2 and 3");
  expect(() => featureStatistics(single)).toThrow("each takes at least 2");
  expect(() => precisionAndRecall(narrow, single)).toThrow(
    "5 real samples with 1 generated ones: each takes at least 4",
  );
  expect(() => inceptionScore(narrow, 6)).toThrow("Cannot split 5 images into 6 parts: allowed are 1 to 5");
  expect(() => clipScore(new Float32Array(2), new Float32Array(3))).toThrow("embeddings of 2 and 3 values");
  expect(() => matrix(2, 2, new Float64Array(3))).toThrow("Cannot make a 2x2 matrix of 3 values");
});

describe("symmetric matrices", () => {
  /** Samples, fewer or more than features, so that their products are singular or not. */
  const samples = fc
    .record({ rows: fc.integer({ min: 1, max: 7 }), columns: fc.integer({ min: 1, max: 7 }) })
    .chain(({ rows, columns }) =>
      fc
        .array(fc.integer({ min: -9, max: 9 }), { minLength: rows * columns, maxLength: rows * columns })
        .map((values) => matrix(rows, columns, Float64Array.from(values))),
    );

  test("squareRootFactor() times its transpose is the matrix", () => {
    fc.assert(
      fc.property(samples, (any) => {
        const gram = timesTransposed(any, any);
        const factor = squareRootFactor(gram);
        expect(factor.columns).toBeLessThanOrEqual(Math.min(any.rows, any.columns));
        const product = timesTransposed(factor, factor);
        for (const [i, value] of gram.data.entries()) expect(product.data[i]).toBeCloseTo(value, DIGITS_OF_FLOAT64);
      }),
    );
  });

  test("symmetricEigenvalues() have the matrix's trace and sum of squares, and are those of the transpose's products", () => {
    fc.assert(
      fc.property(samples, (any) => {
        const gram = timesTransposed(any, any);
        const turned = transposed(any);
        const values = [...symmetricEigenvalues(gram)];
        const others = [...symmetricEigenvalues(timesTransposed(turned, turned))];
        const sum = (all: number[]): number => all.reduce((total, value) => total + value, 0);
        const trace = sum(Array.from({ length: gram.rows }, (_, i) => gram.data[i * gram.rows + i]!));
        expect(sum(values)).toBeCloseTo(trace, DIGITS_OF_FLOAT64);
        expect(Math.sqrt(sum(values.map((value) => value ** 2)))).toBeCloseTo(
          Math.hypot(...gram.data),
          DIGITS_OF_FLOAT64,
        );
        const common = Math.min(values.length, others.length);
        for (let i = 1; i <= common; i++) expect(values.at(-i)).toBeCloseTo(others.at(-i)!, DIGITS_OF_FLOAT64);
      }),
    );
  });

  test("symmetricEigenvalues() of known matrices", () => {
    const close = (actual: Float64Array, wanted: number[]): void => {
      expect(actual).toHaveLength(wanted.length);
      for (const [i, value] of wanted.entries()) expect(actual[i]).toBeCloseTo(value, 12);
    };
    close(symmetricEigenvalues(matrix(2, 2, Float64Array.of(2, 1, 1, 2))), [1, 3]);
    close(symmetricEigenvalues(matrix(1, 1, Float64Array.of(-5))), [-5]);
    close(symmetricEigenvalues(matrix(3, 3, Float64Array.of(0, 0, 2, 0, 7, 0, 2, 0, 0))), [-2, 2, 7]);
    close(symmetricEigenvalues(matrix(3, 3, new Float64Array(9))), [0, 0, 0]);
    close(symmetricEigenvalues(matrix(0, 0, new Float64Array())), []);
  });
});
