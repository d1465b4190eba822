import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeSafetensors } from "../../../src/checkpoint/safetensors/write-safetensors.ts";
import { featureStatistics } from "../../../src/metrics/frechet-distance.ts";
import { matrix } from "../../../src/metrics/linear-algebra/matrix.ts";
import { sceneNetwork, sceneNetworkConfig } from "../../../src/models/judges/scene-network.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { randomTensor } from "../random-tensor.ts";

const CONFIG = {
  ...{ model_type: "scene-network", image_size: 32, widths: [4, 6], blocks: [1, 1] },
  ...{ nouns: ["fox", "owl", "car"], colours: ["red", "blue"] },
};
const WIDTH = 6;
const REFERENCES = 20;

/** A tiny scene network with random weights and a random reference, laid out as the embedded model's, in `folder`. */
export async function writeSceneFolder(folder: string): Promise<void> {
  const network = join(folder, "network");
  mkdirSync(network, { recursive: true });
  writeFileSync(join(network, "config.json"), JSON.stringify(CONFIG));
  const { initializers } = sceneNetwork(sceneNetworkConfig(CONFIG), { batch: 1 });
  const weights: Record<string, Tensor> = {};
  for (const [value, initializer] of initializers) {
    if (initializer.kind !== "weight") continue;
    const { data, shape } = randomTensor(value.shape, Object.keys(weights).length);
    weights[initializer.name] = { data: data.map((each) => each / 2), shape };
  }
  await writeSafetensors(join(network, "model.safetensors"), weights);
  const features = randomTensor([REFERENCES, WIDTH], 99);
  const { mean, covariance } = featureStatistics(matrix(REFERENCES, WIDTH, Float64Array.from(features.data)));
  const tensors = {
    mean: { data: Float32Array.from(mean), shape: [WIDTH] },
    covariance: { data: Float32Array.from(covariance.data), shape: [WIDTH, WIDTH] },
    features,
  };
  await writeSafetensors(join(folder, "reference.safetensors"), tensors, { count: String(REFERENCES) });
}
