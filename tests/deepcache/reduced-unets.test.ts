import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { cut } from "../../src/deepcache/cut.ts";
import { skipCount, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Feed } from "../../src/runtime/runtime.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { unetCase } from "../support/models/unet-cases.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

/** U-Nets that leave blocks out; BK-SDM's have one layer per block, and no middle or a level less. */
const UNETS = [
  ["unet-bk-base", 8, true],
  ["unet-bk-small", 8, false],
  ["unet-bk-tiny", 6, false],
  ["unet-bk-v2-tiny", 6, false],
  ["unet-uneven", 9, true],
] as const;

describe.each(UNETS)("%s", async (name, skips, middle) => {
  const io = readFixture(`models/${name}/io.safetensors`);
  const component = await openComponent(fixturePath(`models/${name}`));
  const config = unetConfig(component.config);
  const { shape, feeds } = unetCase(io, "cached.");
  const network = unet(config, shape, component.weights);

  test("has the branches that its config says", () => {
    expect(skipCount(config)).toBe(skips);
    expect(network.features).toHaveLength(skips);
    expect(config.mid !== undefined).toBe(middle);
  });

  test("caches at every branch what the reference's up layers take, and goes on from it as they do", async () => {
    const full = await runGraph(
      { ...network.graph, outputs: new Map(network.features.map((feature, b) => [`b${b}`, feature])) },
      unetCase(io, "case0.").feeds,
    );
    for (let branch = 0; branch < skips; branch++) {
      const feature = io.tensor(`cached.b${branch}.feature`);
      expect(full[`b${branch}`], `feature ${branch}`).toBeCloseTensor(feature, NETWORK_CALL);
      const { head, tail } = cut(network, branch);
      const known: Record<string, Feed> = { ...feeds, feature };
      Object.assign(known, await runGraph(head, pick(known, head.inputs.keys())));
      const { prediction } = await runGraph(tail, pick(known, tail.inputs.keys()));
      expect(prediction, `branch ${branch}`).toBeCloseTensor(io.tensor(`cached.b${branch}.output`), NETWORK_CALL);
    }
  });
});

const pick = (known: Readonly<Record<string, Feed>>, names: Iterable<string>): Record<string, Feed> =>
  Object.fromEntries([...names].map((name) => [name, known[name] as Feed]));
