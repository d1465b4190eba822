import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { type Cut, checkBranch, cut } from "../../src/deepcache/cut.ts";
import { separatePrelude } from "../../src/deepcache/prelude.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { addMacs, countMacs, type Macs } from "../../src/onnx/macs.ts";
import type { Feed } from "../../src/runtime/runtime.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { unetCase } from "../support/models/unet-cases.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { SLOW } from "../support/slow.ts";

const UNETS = [
  "unet-sd15",
  "unet-sd21",
  "unet-sdxl",
  "unet-inpaint9",
  "unet-fp16",
  "unet-ddpm-cifar",
  "unet-ddpm-lsun",
  "unet-bk-base",
  "unet-bk-small",
  "unet-bk-tiny",
  "unet-uneven",
];

const cost = (...parts: readonly Graph[]): Macs => parts.map((part) => countMacs(part)).reduce(addMacs);

async function network(name: string, hoist?: number) {
  const component = await openComponent(fixturePath(`models/${name}`));
  const { shape, feeds } = unetCase(readFixture(`models/${name}/io.safetensors`), "case0.");
  const config = unetConfig(component.config);
  return { network: unet(config, { ...shape, hoist }, component.weights), feeds, middle: config.mid !== undefined };
}

/** Runs one part on whatever of `known` it asks for. */
async function runPart(part: Graph, known: Readonly<Record<string, Feed>>): Promise<Record<string, Tensor>> {
  const feeds = Object.fromEntries([...part.inputs.keys()].map((name) => [name, known[name] as Feed]));
  return part.nodes.length === 0 ? {} : await runGraph(part, feeds);
}

describe.each(UNETS)("%s cut", async (name) => {
  const { network: whole, feeds, middle } = await network(name);
  const branches = whole.skips.map((_, branch) => branch);
  // Running all of them takes minutes.
  const measured = SLOW ? branches : branches.filter((branch) => [0, branches.length - 1].includes(branch));

  test("head, trunk and tail give the uncut prediction, and the tail alone repeats it from the cached feature", async () => {
    const { prediction } = await runGraph(whole.graph, feeds);
    for (const branch of measured) {
      const { head, trunk, tail } = cut(whole, branch);
      const upper = await runPart(head, feeds);
      const { feature } = await runPart(trunk, { ...feeds, ...upper });
      const first = await runPart(tail, { ...feeds, ...upper, feature: feature as Tensor });
      expect(first["prediction"], `branch ${branch}`).toBeCloseTensor(prediction as Tensor, NETWORK_CALL);
      const again = await runPart(head, feeds);
      const cached = await runPart(tail, { ...feeds, ...again, feature: feature as Tensor });
      expect(cached["prediction"]?.data, `branch ${branch}`).toEqual(first["prediction"]?.data);
    }
  });

  test.each(branches)("at branch %i every node and weight is in exactly one part", (branch) => {
    const parts = partsOf(cut(whole, branch));
    const nodes = parts.flatMap((part) => part.nodes);
    expect(nodes).toHaveLength(whole.graph.nodes.length);
    expect(new Set(nodes).size).toBe(nodes.length);
    const weights = parts.flatMap((part) =>
      [...part.initializers.values()].flatMap((initializer) =>
        initializer.kind === "weight" ? [initializer.name] : [],
      ),
    );
    expect(new Set(weights).size).toBe(weights.length);
    expect(parts.map((part) => countMacs(part)).reduce(addMacs)).toEqual(countMacs(whole.graph));
    expect([...parts[1]!.outputs.keys()]).toEqual(["feature"]);
  });

  test("a full and a cached evaluation in one piece each give the same predictions", async () => {
    const { prediction } = await runGraph(whole.graph, feeds);
    for (const branch of measured) {
      const { full, cached, head, tail } = cut((await network(name, branch)).network, branch);
      const { prediction: first, ...kept } = await runPart(full, feeds);
      expect(first, `branch ${branch}`).toBeCloseTensor(prediction as Tensor, NETWORK_CALL);
      const { prediction: again } = await runPart(cached, { ...feeds, ...kept });
      expect(again, `branch ${branch}`).toBeCloseTensor(prediction as Tensor, NETWORK_CALL);
      expect(cost(full)).toEqual(cost(whole.graph));
      expect(cost(cached)).toEqual(cost(head, tail));
      expect([...cached.outputs.keys()]).toEqual(["prediction"]);
    }
  });

  test("what does not change over a run comes once, from the conditioning alone, and changes nothing", async () => {
    const { prelude, network: rest } = separatePrelude(whole);
    const conditioned = [...whole.graph.inputs.keys()].filter((input) => !["sample", "timestep"].includes(input));
    expect(prelude === undefined).toBe(conditioned.length === 0);
    if (prelude === undefined) return;
    expect(conditioned).toEqual(expect.arrayContaining([...prelude.inputs.keys()]));
    const { prediction } = await runGraph(whole.graph, feeds);
    const kept = await runPart(prelude, feeds);
    const { prediction: preluded } = await runPart(rest.graph, { ...feeds, ...kept });
    expect(preluded).toBeCloseTensor(prediction as Tensor, NETWORK_CALL);
    expect(addMacs(cost(prelude), cost(rest.graph))).toEqual(cost(whole.graph));
    expect(prelude.nodes.length + rest.graph.nodes.length).toBe(whole.graph.nodes.length);
    for (const branch of measured) {
      const parts = partsOf(cut(rest, branch));
      const inputs = new Set(parts.flatMap((part) => [...part.inputs.keys()]));
      expect(
        conditioned.filter((input) => inputs.has(input)),
        `branch ${branch}`,
      ).toEqual([]);
      const upper = await runPart(parts[0]!, { ...feeds, ...kept });
      const deep = await runPart(parts[1]!, { ...feeds, ...kept, ...upper });
      const { prediction: joined } = await runPart(parts[2]!, { ...feeds, ...kept, ...upper, ...deep });
      expect(joined, `branch ${branch}`).toBeCloseTensor(prediction as Tensor, NETWORK_CALL);
    }
  });

  test("hoisted cuts give the same prediction from less work on every evaluation", async () => {
    const { prediction } = await runGraph(whole.graph, feeds);
    for (const branch of measured) {
      const plain = cut(whole, branch);
      const { head, trunk, tail } = cut((await network(name, branch)).network, branch);
      const upper = await runPart(head, feeds);
      const kept = await runPart(trunk, { ...feeds, ...upper });
      const { prediction: hoisted } = await runPart(tail, { ...feeds, ...upper, ...kept });
      expect(hoisted, `branch ${branch}`).toBeCloseTensor(prediction as Tensor, NETWORK_CALL);
      const [before, after] = [cost(plain.head, plain.tail), cost(head, tail)];
      expect(after.total, `branch ${branch}`).toBeLessThan(before.total);
      expect(cost(head, trunk, tail).total).toBe(countMacs(whole.graph).total);
      expect(head.nodes).toHaveLength(plain.head.nodes.length);
    }
  });

  test("deeper branches make cached evaluations dearer, and none that leaves layers out as dear as a full one", () => {
    const cached = branches.map((branch) => {
      const { head, tail } = cut(whole, branch);
      return addMacs(countMacs(head), countMacs(tail)).total;
    });
    const full = countMacs(whole.graph).total;
    expect(cached).toEqual([...cached].sort((a, b) => a - b));
    // Without a middle, nothing is deeper than the last skip.
    expect(cached.at(middle ? -1 : -2)).toBeLessThan(full);
    if (!middle) expect(cached.at(-1)).toBe(full);
  });

  test("an impossible branch is refused with the range that is allowed", () => {
    const last = branches.length - 1;
    for (const branch of [-1, branches.length, 0.5, Number.NaN]) {
      expect(() => cut(whole, branch)).toThrow(
        `Cannot cut at branch ${branch}: this network has branches 0 to ${last}`,
      );
    }
  });
});

const partsOf = ({ head, trunk, tail }: Cut): readonly Graph[] => [head, trunk, tail];

test("checkBranch() names the branches that exist", () => {
  expect(() => checkBranch(11, 12)).not.toThrow();
  expect(() => checkBranch(0, 12)).not.toThrow();
  for (const branch of [12, -1, 0.5, Number.NaN]) {
    expect(() => checkBranch(branch, 12)).toThrow(`Cannot cut at branch ${branch}: this network has branches 0 to 11`);
  }
});
