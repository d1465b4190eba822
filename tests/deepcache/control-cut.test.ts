import { describe, expect, test } from "vitest";
import { cut } from "../../src/deepcache/cut.ts";
import { describeControl } from "../../src/deepcache/describe-control.ts";
import { separatePrelude } from "../../src/deepcache/prelude.ts";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { type Controls, controlNetFor } from "../../src/models/control/control-network.ts";
import { t2iAdapterConfig } from "../../src/models/control/t2i-adapter.ts";
import { type UNet, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { countMacs } from "../../src/onnx/macs.ts";
import { readJson } from "../support/fixtures.ts";

const tiny = unetConfig(readJson("models/unet-sd15/config.json"));
const BRANCHES = Array.from({ length: 12 }, (_, branch) => branch);
const CONTROLNET: Controls = { networks: [controlNetFor(tiny)] };

const network = (controls: Controls, batch = 1): UNet =>
  unet(tiny, { batch, height: 8, width: 8 }, undefined, controls);

/** Names of a graph's weights that only control networks have. */
const controlWeights = ({ initializers }: Graph): string[] =>
  [...initializers.values()].flatMap((initializer) =>
    initializer.kind === "weight" && /^(controlnet_|adapter\.)/.test(initializer.name) ? [initializer.name] : [],
  );

describe("a U-Net with a ControlNet in its graph", () => {
  test.each(BRANCHES)("runs the ControlNet down to hs[%i] on cached evaluations", (branch) => {
    const { prelude, network: rest } = separatePrelude(network(CONTROLNET));
    const parts = cut(rest, branch);
    const expected = BRANCHES.slice(0, branch + 1).flatMap((skip) =>
      ["weight", "bias"].map((name) => `controlnet_down_blocks.${skip}.${name}`),
    );
    expect(controlWeights(parts.cached).sort()).toEqual(expected.sort());
    expect(controlWeights(parts.trunk)).toContain("controlnet_mid_block.weight");
    const inPrelude = controlWeights(prelude ?? parts.cached);
    expect(inPrelude.length).toBe(16);
    expect(inPrelude.every((name) => name.startsWith("controlnet_cond_embedding."))).toBe(true);
  });

  test("is all of the U-Net and all of the ControlNet on full evaluations", () => {
    const whole = network(CONTROLNET);
    const { prelude, network: rest } = separatePrelude(whole);
    const { head, trunk, tail } = cut(rest, 3);
    const sum = [prelude, head, trunk, tail].reduce((total, part) => total + (part ? countMacs(part).total : 0), 0);
    expect(sum).toBe(countMacs(whole.graph).total);
  });

  test("shows the ControlNet the rows with the prompt alone where it guesses", () => {
    const macs = (controls: Controls, batch: number): number => countMacs(network(controls, batch).graph).total;
    const none: Controls = { networks: [] };
    const guessing: Controls = { ...CONTROLNET, guess: "prompted" };
    expect(macs(guessing, 2) - macs(none, 2)).toBe(macs(CONTROLNET, 1) - macs(none, 1));
  });

  test("costs a cached evaluation of Stable Diffusion 1.5 a twentieth of a full one", () => {
    const config = unetConfig(ARCHITECTURES["stable-diffusion-v1-5"].unet);
    const shape = { batch: 1, height: 64, width: 64 };
    const [first] = describeControl(config, shape, controlNetFor(config)).branches;
    expect(first?.ratio).toBeCloseTo(0.052, 3);
    expect(first?.ratioUncut).toBeCloseTo(0.302, 3);
  });
});

test("a T2I-Adapter runs once per run", () => {
  const config = t2iAdapterConfig({ channels: tiny.down.map(({ channels }) => channels) });
  const whole = network({ networks: [{ kind: "t2i-adapter", config }] });
  const { prelude, network: rest } = separatePrelude(whole);
  expect(controlWeights(rest.graph)).toEqual([]);
  expect(controlWeights(prelude ?? rest.graph)).toEqual(controlWeights(whole.graph));
});
