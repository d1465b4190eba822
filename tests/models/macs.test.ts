import { describe, expect, test } from "vitest";
import { cut } from "../../src/deepcache/cut.ts";
import { ARCHITECTURES, type ArchitectureName, architecture } from "../../src/models/architectures.ts";
import {
  autoencoderDecoder,
  autoencoderEncoder,
  autoencoderKlConfig,
} from "../../src/models/autoencoder/autoencoder-kl.ts";
import { clipTextConfig, clipTextModel } from "../../src/models/clip/clip-text.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { addMacs, countMacs, type Macs } from "../../src/onnx/macs.ts";
import { elementCount } from "../../src/tensor/tensor.ts";

/** A published count, compared to the digit that is printed. */
interface Expected {
  readonly name: ArchitectureName;
  readonly side: number;
  readonly parameters: string;
  /** 10⁹ operations of one full evaluation of batch 1, as the reference's counter has them. */
  readonly full: string;
  /** Attention's products, which that counter leaves out. */
  readonly attention: string;
  /** A cached evaluation at branch 0, 1, …, as far as published. */
  readonly cached: readonly string[];
  readonly cachedAttention?: readonly string[];
}

const SD_21 = { name: "stable-diffusion-2-1", parameters: "865.911" } as const;

const COUNTS: readonly Expected[] = [
  {
    name: "stable-diffusion-v1-5",
    side: 64,
    parameters: "859.520964",
    full: "338.8316",
    attention: "63.03",
    cached: "20.716 57.328 98.138 132.728 167.716 208.578 243.237 278.367 315.175 322.937 327.870 332.803".split(" "),
    cachedAttention: "10.94 32.82 54.70 56.14 59.03 61.91 62.13 62.57 63.00".split(" "),
  },
  { ...SD_21, side: 96, full: "760.931", attention: "314.07", cached: "46.57 128.86 220.60 298.36".split(" ") },
  { ...SD_21, side: 64, full: "339.301", attention: "63.03", cached: "20.73 57.36 98.19 132.80".split(" ") },
  {
    name: "stable-diffusion-xl",
    side: 128,
    parameters: "2567.464",
    full: "2989.751",
    attention: "391.96",
    cached: "49.10 128.03 223.754558 392.42 592.99 817.054831 1230.97 1922.07 2619.87".split(" "),
  },
  {
    name: "ddpm-cifar10",
    side: 32,
    parameters: "35.7463",
    full: "6.0655",
    attention: "0.17",
    cached: "0.496 1.286 2.245 3.358 4.215 5.140 5.451 5.649 5.846 5.924 5.974 6.023".split(" "),
  },
  {
    name: "ddpm-lsun",
    side: 256,
    parameters: "113.6732",
    full: "248.6912",
    attention: "0.34",
    cached: (
      "31.69 82.28 132.88 152.77 165.42 180.75 197.48 209.04 221.67 226.64 229.80 233.63 " +
      "238.08 241.50 245.20 246.44 247.23 248.02"
    ).split(" "),
  },
];

describe.each(COUNTS)("$name at $side x $side", ({ name, side, parameters, full, attention, cached, ...expected }) => {
  const network = unet(unetConfig(architecture(name).unet), { batch: 1, height: side, width: side });
  const partial = (branch: number): Macs => {
    const { head, tail } = cut(network, branch);
    return addMacs(countMacs(head), countMacs(tail));
  };

  test("has the published number of parameters", () => {
    expect(printed(parameterCount(network.graph), 1e6, parameters)).toBe(parameters);
  });

  test("a full evaluation costs what the paper's counter says", () => {
    const macs = countMacs(network.graph);
    expect(printed(macs.reference, 1e9, full)).toBe(full);
    expect(printed(macs.attention, 1e9, attention)).toBe(attention);
  });

  test("a cached evaluation costs what the paper's counter says, at every branch", () => {
    expect(cached.map((count, branch) => printed(partial(branch).reference, 1e9, count))).toEqual(cached);
    const products = expected.cachedAttention ?? [];
    expect(products.map((count, branch) => printed(partial(branch).attention, 1e9, count))).toEqual(products);
  });
});

test.each([
  ["bk-sdm-base", "579.38", "223.81"],
  ["bk-sdm-small", "482.35", "217.78"],
  ["bk-sdm-tiny", "323.38", "205.09"],
])("%s has its published parameters, %s M, and the paper's %s G of Table 3", (name, parameters, full) => {
  const { graph } = unet(unetConfig(architecture(name).unet), { batch: 1, height: 64, width: 64 });
  expect(printed(parameterCount(graph), 1e6, parameters)).toBe(parameters);
  expect(printed(countMacs(graph).reference, 1e9, full)).toBe(full);
});

describe.each(Object.entries(ARCHITECTURES))("%s", (name, { unet: network }) => {
  const { vae, textEncoders = [] } = architecture(name);
  const { sampleSize = [0, 0], contextWidth } = unetConfig(network);

  test.runIf(vae !== undefined)("has an autoencoder that fits the U-Net", () => {
    const config = autoencoderKlConfig(vae);
    const [height, width] = sampleSize;
    const decoder = autoencoderDecoder(config, { batch: 1, height, width });
    expect(decoder.outputs.get("image")?.shape).toEqual([1, 3, 8 * height, 8 * width]);
    const encoder = autoencoderEncoder(config, { batch: 1, height: 8, width: 8 });
    expect(printed(parameterCount(decoder) + parameterCount(encoder), 1e6, "83.653863")).toBe("83.653863");
  });

  test.runIf(textEncoders.length > 0)("has text encoders as wide as the U-Net's context", () => {
    const graphs = textEncoders.map((encoder) => clipTextModel(clipTextConfig(encoder), { batch: 1, length: 77 }));
    const widths = graphs.map((graph) => graph.outputs.get("context")?.shape[2] ?? 0);
    expect(widths.reduce((sum, width) => sum + width, 0)).toBe(contextWidth);
    const counts: Readonly<Record<number, string>> = { 768: "123.060480", 1024: "340.387840", 1280: "694.659840" };
    widths.forEach((width, i) => {
      expect(printed(parameterCount(graphs[i]!), 1e6, counts[width]!)).toBe(counts[width]);
    });
  });
});

test("architecture() names what there is where it knows no such name", () => {
  expect(() => architecture("toString")).toThrow('Cannot find architecture "toString": it is none of stable-diffusion');
});

/** `count` in the given unit, with as many digits as `like`. */
const printed = (count: number, unit: number, like: string): string =>
  (count / unit).toFixed(like.split(".")[1]?.length ?? 0);

const parameterCount = ({ initializers }: Graph): number =>
  [...initializers].reduce((sum, [{ shape }, { kind }]) => (kind === "weight" ? sum + elementCount(shape) : sum), 0);
