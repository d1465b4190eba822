import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import { type Cuttable, cut } from "../../src/deepcache/cut.ts";
import { describeControl } from "../../src/deepcache/describe-control.ts";
import { drawPlan } from "../../src/deepcache/plan.ts";
import { fullEvaluations } from "../../src/deepcache/policies.ts";
import { separatePrelude } from "../../src/deepcache/prelude.ts";
import { architecture } from "../../src/models/architectures.ts";
import { controlNetFor } from "../../src/models/control/control-network.ts";
import { type UNet, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { addMacs, countMacs, type Macs } from "../../src/onnx/macs.ts";

/** The networks of the table of hoisting, with the branches that it shows. */
const HOISTED = [
  { name: "stable-diffusion-v1-5", title: "Stable Diffusion 1.5, 64 × 64 latent", branches: [0, 1, 2] },
  { name: "stable-diffusion-xl", title: "Stable Diffusion XL, 128 × 128 latent", branches: [0, 1] },
];
/** What operations are counted of, and at which branches. */
const COUNTED = { name: "stable-diffusion-v1-5", branches: [0, 1, 2] };

/** The parts of docs/deepcache.md that follow from networks and plans, by the names of their marks. */
export const deepcacheSections = (): Readonly<Record<string, string>> => ({
  hoisting: hoistingTable(),
  control: controlTable(),
  operations: operationTable(),
  plan: plan(),
});

/** 10⁹ operations of a cached evaluation, as the network is cut and as runs compute it. */
function hoistingTable(): string {
  const rows = HOISTED.flatMap(({ name, title, branches }) =>
    branches.map((branch, i) => {
      const alone = cachedMacs(networkOf(name), branch);
      const asRun = cachedMacs(separatePrelude(networkOf(name, branch)).network, branch);
      return [i === 0 ? title : "", String(branch), giga(alone.total), giga(asRun.total)];
    }),
  );
  return markdownTable([["network", "branch", "cut alone", "as runs compute it"], ...rows]);
}

/** 10⁹ operations that a ControlNet adds to evaluations. */
function controlTable(): string {
  const rows = HOISTED.flatMap(({ name, title, branches }) => {
    const config = unetConfig(architecture(name).unet, name);
    const [height, width] = config.sampleSize ?? [64, 64];
    const description = describeControl(config, { batch: 1, height, width }, controlNetFor(config));
    return branches.flatMap((branch, i) => {
      const cached = description.branches[branch];
      if (cached === undefined) return [];
      const share = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
      const counts = [giga(description.full), giga(cached.cached), share(cached.ratio), share(cached.ratioUncut)];
      return [[i === 0 ? title : "", String(branch), ...counts]];
    });
  });
  return markdownTable([["network", "branch", "whole", "cut", "cached / full", "if it ran whole"], ...rows]);
}

/** 10⁹ operations of evaluations, by our rules and by those of the paper's counter. */
function operationTable(): string {
  const network = networkOf(COUNTED.name);
  const row = (evaluation: string, { total, attention, reference }: Macs): readonly string[] => [
    evaluation,
    giga(total),
    giga(attention),
    giga(reference),
  ];
  const cached = COUNTED.branches.map((branch) => row(`cached at branch ${branch}`, cachedMacs(network, branch)));
  const headings = ["evaluation", "counted here", "of which attention", "as the paper counts"];
  return markdownTable([headings, row("full", countMacs(network.graph)), ...cached]);
}

/** A built-in network for one sample of its own size; with `hoist`, made for a cut at that branch. */
function networkOf(name: string, hoist?: number): UNet {
  const config = unetConfig(architecture(name).unet, name);
  const [height, width] = config.sampleSize ?? [64, 64];
  return unet(config, { batch: 1, height, width, ...(hoist === undefined ? {} : { hoist }) });
}

function cachedMacs(network: Cuttable, branch: number): Macs {
  const { head, tail } = cut(network, branch);
  return addMacs(countMacs(head), countMacs(tail));
}

/** What `deepcache plan` prints for the paper's non-uniform schedule. */
function plan(): string {
  const evaluations = 50;
  const full = fullEvaluations({ kind: "centered", interval: 5, center: 15, power: 1.4 }, evaluations);
  return [
    "```",
    "$ deepcache plan --steps 50 --sampler ddim --cache centered:5:15:1.4",
    `${full.length} of ${evaluations} evaluations full: ${full.join(", ")}`,
    drawPlan(full, evaluations),
    "```",
  ].join("\n");
}

const giga = (macs: number): string => (macs / 1e9).toFixed(2);
