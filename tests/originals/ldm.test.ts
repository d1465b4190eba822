import { beforeAll, describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { readYamlFile } from "../../src/checkpoint/text/yaml-file.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { runMacs } from "../../src/deepcache/cost.ts";
import { type Cut, cut } from "../../src/deepcache/cut.ts";
import { fullEvaluations } from "../../src/deepcache/policies.ts";
import { architecture } from "../../src/models/architectures.ts";
import { vqDecoder, vqEncoder } from "../../src/models/autoencoder/vq-model.ts";
import { type UNet, type UNetShape, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { addMacs, countMacs } from "../../src/onnx/macs.ts";
import { inverted, renamedKey, renamedWeights } from "../../src/originals/keys/module-names.ts";
import { type LdmConfig, ldmConfig } from "../../src/originals/latent-diffusion/ldm-config.ts";
import { ldmUNetKeys, ldmVqKeys } from "../../src/originals/latent-diffusion/ldm-keys.ts";
import { latentDiffusionParts } from "../../src/originals/latent-diffusion/ldm-parts.ts";
import type { Feed } from "../../src/runtime/runtime.ts";
import { elementCount, type Tensor } from "../../src/tensor/tensor.ts";
import { coderShape, weightNames } from "../models/graphs.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { CIN256, changed } from "./ldm-configs.ts";

const io = readFixture("original/ldm/io.safetensors");

interface Opened {
  readonly config: LdmConfig;
  readonly original: Weights;
  readonly unet: Weights;
  readonly firstStage: Weights;
}
let opened: Opened;

beforeAll(async () => {
  const config = ldmConfig(await readYamlFile(fixturePath("original/ldm/config.yaml")));
  const { weights } = await readCheckpoint(await fileSource(fixturePath("original/ldm/model.ckpt")));
  const parts = latentDiffusionParts(weights, "model.ckpt");
  opened = {
    config,
    original: weights,
    unet: renamedWeights(parts.unet, ldmUNetKeys(config.unet)),
    firstStage: renamedWeights(parts.firstStage, ldmVqKeys(config.firstStage)),
  };
});

const SHAPE: UNetShape = { batch: 2, height: 12, width: 12, contextLength: 1, timesteps: "each" };
const network = (shape = SHAPE): UNet => unet(opened.config.unet, shape, opened.unet);
const feedsOf = (name: "eps" | "cached"): Record<string, Feed> => ({
  sample: io.tensor(`${name}.x`),
  timestep: io.tensor(`${name}.t`),
  encoder_hidden_states: io.tensor("eps.context"),
});

/** Runs one part on whatever of `known` it asks for. */
async function runPart(part: Graph, known: Readonly<Record<string, Feed>>): Promise<Record<string, Tensor>> {
  const feeds = Object.fromEntries([...part.inputs.keys()].map((name) => [name, known[name] as Feed]));
  return part.nodes.length === 0 ? {} : await runGraph(part, feeds);
}

/** A full call on `first`, then a cached one on `second`. */
async function runCached({ head, trunk, tail }: Cut, first: Record<string, Feed>, second: Record<string, Feed>) {
  const upper = await runPart(head, first);
  const { feature } = await runPart(trunk, { ...first, ...upper });
  const whole = await runPart(tail, { ...first, ...upper, feature: feature as Tensor });
  const again = await runPart(head, second);
  const cached = await runPart(tail, { ...second, ...again, feature: feature as Tensor });
  return { feature, full: whole["prediction"] as Tensor, cached: cached["prediction"] as Tensor };
}

describe("the original U-Net", () => {
  test("predicts what the reference predicts", async () => {
    const { prediction } = await runGraph(network().graph, feedsOf("eps"));
    expect(prediction).toBeCloseTensor(io.tensor("eps.output"), NETWORK_CALL);
  });

  test("caches at hs[0] what the reference caches, and goes on from it as the reference does", async () => {
    const { feature, full, cached } = await runCached(cut(network(), 0), feedsOf("eps"), feedsOf("cached"));
    expect(feature).toBeCloseTensor(io.tensor("cached.feature"), NETWORK_CALL);
    expect(full).toBeCloseTensor(io.tensor("eps.output"), NETWORK_CALL);
    expect(cached).toBeCloseTensor(io.tensor("cached.output"), NETWORK_CALL);
  });

  test.each([0, 1, 2, 3])("at branch %i a full call is the uncut one, and a cached call repeats it", async (branch) => {
    const feeds = feedsOf("eps");
    const { full, cached } = await runCached(cut(network(), branch), feeds, feeds);
    expect(full).toBeCloseTensor(io.tensor("eps.output"), NETWORK_CALL);
    expect(cached.data).toEqual(full.data);
  });

  test("has as many branches as the reference has input blocks", () => {
    expect(network().skips).toHaveLength(4);
    expect(() => cut(network(), 4)).toThrow("branches 0 to 3");
  });
});

describe("the original first stage", () => {
  test("encodes as the reference does", async () => {
    const image = io.tensor("vq.image");
    const graph = vqEncoder(opened.config.firstStage, coderShape(image), opened.firstStage);
    const { latent } = await runGraph(graph, { image });
    expect(latent).toBeCloseTensor(io.tensor("vq.encode"), NETWORK_CALL);
  });

  test("decodes as the reference does, with the codebook and without", async () => {
    const latent = io.tensor("vq.latent");
    const decoder = (quantize: boolean): Graph =>
      vqDecoder(opened.config.firstStage, { ...coderShape(latent), quantize }, opened.firstStage);
    const { image, quantized } = await runGraph(decoder(true), { latent });
    expect(quantized).toBeCloseTensor(io.tensor("vq.quantized"), NETWORK_CALL);
    expect(image).toBeCloseTensor(io.tensor("vq.decode"), NETWORK_CALL);
    const plain = await runGraph(decoder(false), { latent });
    expect(plain["image"]).toBeCloseTensor(io.tensor("vq.decode.force_not_quantize"), NETWORK_CALL);
  });
});

describe("the key maps", () => {
  test("use every weight of the networks exactly once, and name each one back", () => {
    const size = { batch: 1, height: 12, width: 12 };
    const { config, firstStage } = opened;
    const used = [vqEncoder(config.firstStage, size, firstStage), vqDecoder(config.firstStage, size, firstStage)];
    // The two halves of a gated projection are two views of one weight.
    const views = weightNames(network().graph).map((name) => name.replace(/\.\d+$/, ""));
    expect([...new Set(views)].sort()).toEqual([...opened.unet.keys()].sort());
    expect(used.flatMap(weightNames).sort()).toEqual([...firstStage.keys()].sort());
    const back = (weights: Weights, map: ReadonlyMap<string, string>, prefix: string): string[] =>
      [...weights.keys()].map((key) => prefix + renamedKey(key, inverted(map)));
    const originals = [
      ...back(opened.unet, ldmUNetKeys(config.unet), "model.diffusion_model."),
      ...back(firstStage, ldmVqKeys(config.firstStage), "first_stage_model."),
    ];
    expect(new Set(originals).size).toBe(originals.length);
    expect(originals.every((key) => opened.original.has(key))).toBe(true);
  });

  test("know every block of LDM-4-G", () => {
    const { unet: config, firstStage } = ldmConfig(CIN256);
    const keys = ldmUNetKeys(config);
    const moves = [...keys].filter(([key]) => /^(in|out)put_blocks\.\d+\.(0\.op|\d\.conv|1)$/.test(key));
    expect(Object.fromEntries(moves)).toMatchInlineSnapshot(`
      {
        "input_blocks.10.1": "down_blocks.3.attentions.0",
        "input_blocks.11.1": "down_blocks.3.attentions.1",
        "input_blocks.3.0.op": "down_blocks.0.downsamplers.0.conv",
        "input_blocks.4.1": "down_blocks.1.attentions.0",
        "input_blocks.5.1": "down_blocks.1.attentions.1",
        "input_blocks.6.0.op": "down_blocks.1.downsamplers.0.conv",
        "input_blocks.7.1": "down_blocks.2.attentions.0",
        "input_blocks.8.1": "down_blocks.2.attentions.1",
        "input_blocks.9.0.op": "down_blocks.2.downsamplers.0.conv",
        "output_blocks.0.1": "up_blocks.0.attentions.0",
        "output_blocks.1.1": "up_blocks.0.attentions.1",
        "output_blocks.2.1": "up_blocks.0.attentions.2",
        "output_blocks.2.2.conv": "up_blocks.0.upsamplers.0.conv",
        "output_blocks.3.1": "up_blocks.1.attentions.0",
        "output_blocks.4.1": "up_blocks.1.attentions.1",
        "output_blocks.5.1": "up_blocks.1.attentions.2",
        "output_blocks.5.2.conv": "up_blocks.1.upsamplers.0.conv",
        "output_blocks.6.1": "up_blocks.2.attentions.0",
        "output_blocks.7.1": "up_blocks.2.attentions.1",
        "output_blocks.8.1": "up_blocks.2.attentions.2",
        "output_blocks.8.2.conv": "up_blocks.2.upsamplers.0.conv",
      }
    `);
    const named = (key: string): string => renamedKey(key, keys);
    expect(named("input_blocks.7.0.skip_connection.weight")).toBe("down_blocks.2.resnets.0.conv_shortcut.weight");
    expect(named("input_blocks.12.0.in_layers.0.bias")).toBe("input_blocks.12.0.in_layers.0.bias");
    expect(named("output_blocks.11.0.in_layers.2.bias")).toBe("up_blocks.3.resnets.2.conv1.bias");
    expect(named("input_blocks.5.1.transformer_blocks.0.attn2.to_k.weight")).toBe(
      "down_blocks.1.attentions.1.transformer_blocks.0.attn2.to_k.weight",
    );
    const coder = ldmVqKeys(firstStage);
    expect(renamedKey("decoder.up.2.block.1.nin_shortcut.weight", coder)).toBe(
      "decoder.up_blocks.0.resnets.1.conv_shortcut.weight",
    );
    expect(renamedKey("encoder.down.1.block.0.norm1.bias", coder)).toBe("encoder.down_blocks.1.resnets.0.norm1.bias");
    expect(renamedKey("decoder.mid.attn_1.proj_out.weight", coder)).toBe(
      "decoder.mid_block.attentions.0.to_out.0.weight",
    );
  });
});

test("a first stage that attends at some levels has the original's modules there", () => {
  const path = "model.params.first_stage_config.params.ddconfig.attn_resolutions";
  const { firstStage } = ldmConfig(changed(CIN256, path, [64]));
  const size = { batch: 1, height: 16, width: 16 };
  const names = [vqEncoder(firstStage, size), vqDecoder(firstStage, size)].flatMap(weightNames);
  const map = inverted(ldmVqKeys(firstStage));
  const attending = names.filter((name) => /_blocks\.\d\.attentions\.\d\.to_q\.weight$/.test(name));
  expect(attending.map((name) => renamedKey(name, map))).toEqual([
    "encoder.down.2.attn.0.q.weight",
    "encoder.down.2.attn.1.q.weight",
    "decoder.up.2.attn.0.q.weight",
    "decoder.up.2.attn.1.q.weight",
    "decoder.up.2.attn.2.q.weight",
  ]);
});

describe("LDM-4-G", () => {
  const sizes: UNetShape = { batch: 1, height: 64, width: 64, contextLength: 1 };
  const parsed = ldmConfig(CIN256);
  const built = unet(parsed.unet, sizes);
  const giga = (count: number, digits: number): string => (count / 1e9).toFixed(digits);
  const partial = (branch: number) => {
    const { head, tail } = cut(built, branch);
    return addMacs(countMacs(head), countMacs(tail));
  };

  test("is the architecture that is built in", () => {
    const known = architecture("ldm-4-g");
    expect(unetConfig(known.unet)).toEqual(parsed.unet);
    expect(known.contextLength).toBe(1);
  });

  test("has the published number of parameters", () => {
    const count = [...built.graph.initializers].reduce(
      (sum, [{ shape }, { kind }]) => (kind === "weight" ? sum + elementCount(shape) : sum),
      0,
    );
    expect(count).toBe(400_920_579);
  });

  test("a full evaluation costs what the paper's counter says", () => {
    const macs = countMacs(built.graph);
    expect(giga(macs.reference, 4)).toBe("99.8231");
    expect(giga(macs.attention, 2)).toBe("4.46");
  });

  test("a cached evaluation costs what the paper's counter says, at every branch", () => {
    const published = "4.425 11.526 20.137 32.564 45.108 59.011 66.291 73.488 81.449 86.421 91.380 96.517".split(" ");
    expect(built.skips).toHaveLength(published.length);
    expect(built.skips.map((_, branch) => giga(partial(branch).reference, 3))).toEqual(published);
    expect(built.features[0]?.shape).toEqual([1, 192, 64, 64]);
  });

  test.each([
    [2, "52.12"],
    [3, "36.48"],
    [5, "23.50"],
    [10, "13.97"],
    [20, "9.39"],
  ])("250 steps at interval %i cost on average what the paper says", (interval, average) => {
    const full = fullEvaluations({ kind: "uniform", interval, branch: 0 }, 250).length;
    const cached = partial(0).reference;
    const deep = countMacs(built.graph).reference - cached;
    const { total } = runMacs({ prelude: 0, head: 0, trunk: deep, tail: cached, forecast: 0 }, full, 250 - full);
    expect(giga(total / 250, 2)).toBe(average);
  });

  test("decodes latents of 64 x 64 to images of 256 x 256 from 8192 codes", () => {
    const { outputs, initializers } = vqDecoder(parsed.firstStage, { batch: 1, height: 64, width: 64 });
    expect(outputs.get("image")?.shape).toEqual([1, 3, 256, 256]);
    const codebook = [...initializers].find(([, { kind }]) => kind === "weight")?.[0];
    expect(codebook?.shape).toEqual([8192, 3]);
    expect(parsed).toMatchObject({ classes: { count: 1001, width: 512 }, firstStage: { scalingFactor: 1 } });
  });
});
