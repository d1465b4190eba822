import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { lpips, openLpips } from "../../src/metrics/lpips.ts";
import { LPIPS_NETWORKS, type LpipsNetwork, lpipsModel } from "../../src/models/judges/lpips.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { PERCEPTUAL_DISTANCE } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { meshedPicture, mixedPicture, namedPicture, namedWeights } from "../support/models/named-weights.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-lpips-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, `${name}.safetensors`);
const expected = readFixture("perceptual/expected.safetensors");
const ALEX_LIN = fixturePath("perceptual/alex-lin.pth");

type Tensors = Readonly<Record<string, Tensor>>;
const pick = (tensors: Tensors, pattern: RegExp): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => pattern.test(name)));

/** The weights of a network in torchvision's names and lpips'. */
function tensorsOf(network: LpipsNetwork): Tensors {
  const { initializers } = lpipsModel(network, { pairs: 1, height: 64, width: 64 });
  return namedWeights(
    Object.fromEntries(
      [...initializers].flatMap(([{ shape }, initializer]) =>
        initializer.kind === "weight" ? [[initializer.name, shape]] : [],
      ),
    ),
  );
}

/** The same as the state of a whole module, with what else such a state holds. */
function wholeState(tensors: Tensors, slices: readonly number[]): Tensors {
  const slice = (layer: string): number => slices.findIndex((end) => Number(layer) < end) + 1;
  const shift = { data: Float32Array.of(-0.03, -0.088, -0.188), shape: [1, 3, 1, 1] };
  const renamed = Object.entries(tensors).flatMap(([name, tensor]): [string, Tensor][] => {
    const [, layer = "", parameter] = /^features\.(\d+)\.(\w+)$/.exec(name) ?? [];
    if (layer !== "") return [[`net.slice${slice(layer)}.${layer}.${parameter}`, tensor]];
    return [
      [name, tensor],
      [name.replace(/^lin/, "lins."), tensor],
    ];
  });
  return { ...Object.fromEntries(renamed), "scaling_layer.shift": shift, "scaling_layer.scale": shift };
}

beforeAll(async () => {
  const alex = tensorsOf("alex");
  const classifier = { "classifier.6.bias": { data: new Float32Array(3), shape: [3] } };
  await writeSafetensors(at("alexnet"), { ...pick(alex, /^features/), ...classifier });
  await writeSafetensors(at("alex-whole"), wholeState(alex, [2, 5, 8, 10, 12]));
  await writeSafetensors(at("alex-bare"), {
    ...pick(alex, /^features/),
    ...Object.fromEntries(
      Object.entries(pick(alex, /^lin/)).map(([name, tensor]) => [name.replace("model.1", "model.0"), tensor]),
    ),
  });
  const vgg = tensorsOf("vgg");
  await writeSafetensors(at("vgg16"), pick(vgg, /^features/));
  await writeSafetensors(at("vgg"), pick(vgg, /^lin/));
  await writeSafetensors(at("squeezenet"), {
    "features.0.weight": { data: new Float32Array(64 * 27), shape: [64, 3, 3, 3] },
    "features.3.squeeze.weight": { data: new Float32Array(2), shape: [2] },
  });
  await writeSafetensors(at("resnet"), {
    "features.0.weight": { data: new Float32Array(64 * 3 * 49), shape: [64, 3, 7, 7] },
  });
});

function pairsOf(width: number, height: number) {
  const [first, second] = ["first", "second"].map((name) => namedPicture(name, width, height)) as [never, never];
  const images = [mixedPicture(first, second), second, meshedPicture(width, height), first];
  return { images, originals: [first, first, first, first] };
}

test.each<[LpipsNetwork, number, number, () => string[]]>([
  ["alex", 64, 48, () => [at("alexnet"), ALEX_LIN]],
  ["alex", 31, 33, () => [ALEX_LIN, at("alexnet")]],
  ["alex", 31, 33, () => [at("alex-whole")]],
  ["alex", 31, 33, () => [at("alex-bare")]],
  ["vgg", 64, 48, () => [at("vgg"), at("vgg16")]],
  ["vgg", 16, 19, () => [at("vgg16"), at("vgg")]],
])("LPIPS with %s gives the package's distances of images of %dx%d pixels", async (network, width, height, files) => {
  const model = await openLpips(files());
  expect(model.network).toBe(network);
  await using metric = lpips(nodeRuntime(), model, 3);
  const { images, originals } = pairsOf(width, height);
  const distances = await metric.distances(images, originals);
  const reference = expected.tensor(`lpips.${network}.${width}x${height}`);
  expect({ data: Float32Array.from(distances), shape: [4] }).toBeCloseTensor(reference, PERCEPTUAL_DISTANCE);
  expect(distances[3]).toBe(0);
  expect(distances[0]).toBeLessThan(distances[1]!);
});

describe("lpips()", () => {
  test("gives the same whatever the batch, and for one size after another", async () => {
    const model = await openLpips([at("alexnet"), ALEX_LIN]);
    const { images, originals } = pairsOf(40, 36);
    await using one = lpips(nodeRuntime(), model, 1);
    await using many = lpips(nodeRuntime(), model, 7);
    const alone = await one.distances(images, originals);
    const together = await many.distances(images, originals);
    expect({ data: Float32Array.from(together), shape: [4] }).toBeCloseTensor(
      { data: Float32Array.from(alone), shape: [4] },
      PERCEPTUAL_DISTANCE,
    );
    const other = pairsOf(33, 31);
    expect(await one.distances(other.images, other.originals)).toHaveLength(4);
    expect(await one.distances(images, originals)).toEqual(alone);
  });

  test("refuses what it cannot compare", async () => {
    const model = await openLpips([at("alexnet"), ALEX_LIN]);
    expect(() => lpips(nodeRuntime(), model, 0)).toThrow("Cannot compare 0 pairs at a time");
    expect(() => lpips(nodeRuntime(), model, 1.5)).toThrow("Cannot compare 1.5 pairs at a time");
    await using metric = lpips(nodeRuntime(), model, 2);
    const image = plainImage(32, 32);
    await expect(metric.distances([], [])).rejects.toThrow("Cannot compare 0 images with 0 originals");
    await expect(metric.distances([image], [])).rejects.toThrow("Cannot compare 1 images with 0 originals");
    await expect(metric.distances([image], [plainImage(32, 33)])).rejects.toThrow(
      "Cannot compare an image of 32x32 pixels with one of 32x33",
    );
    await expect(metric.distances([image, plainImage(33, 33)], [image, plainImage(33, 33)])).rejects.toThrow(
      "Cannot batch images of 32x32 and 33x33 pixels",
    );
    const small = plainImage(30, 64);
    await expect(metric.distances([small], [small])).rejects.toThrow(
      "Cannot compare images of 30x64 pixels by LPIPS: AlexNet takes 31 in each direction",
    );
  });

  test("takes images of as few pixels as leave something at the end", () => {
    for (const [name, { smallest, title }] of Object.entries(LPIPS_NETWORKS)) {
      const network = name as LpipsNetwork;
      expect(lpipsModel(network, { pairs: 1, height: smallest, width: smallest }).outputs.has("distances")).toBe(true);
      expect(() => lpipsModel(network, { pairs: 1, height: smallest - 1, width: 64 })).toThrow(
        `Cannot compare images of 64x${smallest - 1} pixels by LPIPS: ${title} takes ${smallest}`,
      );
    }
  });
});

describe("openLpips()", () => {
  test.each([
    [["alexnet"], `Cannot use "${at("alexnet")}" as LPIPS with AlexNet: "lin0.model.1.weight" [1,64,1,1] is missing`],
    [["vgg"], '"features.0.weight" is missing where [64,3,11,11] of AlexNet or [64,3,3,3] of VGG16 is required'],
    [["resnet"], 'for LPIPS: "features.0.weight" is [64,3,7,7] where [64,3,11,11] of AlexNet'],
    [["squeezenet", "vgg"], 'as LPIPS with VGG16: "features.0.bias" [64] is missing'],
    [["alexnet", "vgg"], '"lin1.model.1.weight" has shape [1,128,1,1] where [1,192,1,1] is required'],
    [["alexnet", "alexnet"], `Cannot use "${at("alexnet")}" and "${at("alexnet")}" for LPIPS: several hold "`],
    [["nowhere"], "nowhere.safetensors"],
    [[], "Cannot use no files for LPIPS"],
  ])("refuses %j", async (names, message) => {
    await expect(openLpips(names.map(at))).rejects.toThrow(message);
  });
});
