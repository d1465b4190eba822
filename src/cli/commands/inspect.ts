import type { Command } from "commander";
import { readComponentConfig } from "../../checkpoint/folder/component-config.ts";
import { averageMacs, type IntervalMacs } from "../../deepcache/cost.ts";
import type { ControlDescription } from "../../deepcache/describe-control.ts";
import { describeUNet, type UNetDescription } from "../../deepcache/describe-unet.ts";
import { type ControlNetwork, controlNetFor } from "../../models/control/control-network.ts";
import { unetConfig } from "../../models/unet/unet-config.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";
import type { Places } from "../../systems/from-hub/places.ts";
import { openControl } from "../../systems/parts/control.ts";
import { MODEL_NAMES, type ResolvedModel, resolveModel } from "../../systems/resolve-model.ts";
import { defaultModelFolder } from "../../systems/shipped.ts";
import { asFolder } from "../as-folder.ts";
import { parseList, parseWhole } from "../flags/usage.ts";
import { addMemoryFlags, inspectMemory, type MemoryFlags, memoryText } from "../inspect-memory.ts";
import type { Terminal } from "../terminal/console.ts";
import { terminalPlaces } from "../terminal/downloads.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { giga, millions, table } from "../terminal/units.ts";

interface Flags extends MemoryFlags {
  readonly width?: number;
  readonly height?: number;
  readonly steps?: number;
  readonly interval?: readonly number[];
  readonly branch?: number;
  readonly json?: boolean;
  /** True where no path is given. */
  readonly controlnet?: string | true;
}

/** The paper's own settings: steps, intervals and branch, for its cost tables. */
const DEFAULTS = { steps: 50, interval: [2, 3, 5, 10], branch: 0 } as const;

/** `deepcache inspect`: what a U-Net costs at every branch, from its config alone. */
export function addInspect(program: Command, terminal: Terminal): void {
  const whole = (flag: string, least: number) => (text: string) => parseWhole(flag, text, least);
  const command = program
    .command("inspect")
    .summary("what a model costs at every branch; needs no weights")
    .description(
      "Prints parameters, operations (MACs) of a full and of a cached evaluation at every branch, and the size of the " +
        "cached feature, for a batch of one; with --steps, --interval or --branch also the average over a run, as the " +
        "paper counts; and the memory that `generate` will take on a CPU with the same flags, cut at --branch where " +
        `--interval or --branch is given. MODEL is a model folder, an id of the hub, of which it takes the configs alone, or one of: ${MODEL_NAMES.join(", ")}; in short sd15, sd21, sdxl.`,
    )
    .argument("[model]", "model folder, org/name of the hub, or built-in name (default: the embedded model)")
    .option("--width <pixels>", "width of the sample that the U-Net sees, in latent pixels", whole("--width", 1))
    .option("--height <pixels>", "its height", whole("--height", 1))
    .option("--steps <n>", `evaluations of a run (default: ${DEFAULTS.steps})`, whole("--steps", 1))
    .option("--interval <list>", `full evaluation every so many (default: ${DEFAULTS.interval.join()})`, (text) =>
      parseList("--interval", text, 1),
    )
    .option("--branch <b>", `branch of the averages (default: ${DEFAULTS.branch})`, whole("--branch", 0));
  addMemoryFlags(command)
    .option(
      "--controlnet [path]",
      "also what this ControlNet or T2I-Adapter adds, and what its cut saves; without a path, a ControlNet of the U-Net's own widths",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  deepcache inspect stable-diffusion-v1-5
  deepcache inspect stable-diffusion-v1-5 --interval 5 --low-memory --guidance-scale 1
  deepcache inspect stable-diffusion-v1-5 --controlnet
  deepcache inspect ldm-4-g --steps 250 --interval 2,3,5,10,20`,
    )
    .action((model: string | undefined, flags: Flags) => interruptible((signal) => run(model, flags, signal)));

  async function run(model: string | undefined, flags: Flags, signal: AbortSignal): Promise<void> {
    const places = terminalPlaces(terminal, signal);
    // Of a model elsewhere, the configs are enough.
    const resolved = await resolveModel(model ?? defaultModelFolder(), places, { purpose: "configs" });
    const { config, path, contextLength } = await unetOf(resolved);
    const controlOf = await controlAsked(flags.controlnet, config, path, places);
    const description = describeUNet(config, { ...flags, contextLength, controlOf }, path);
    const averages = averagesOf(description, flags);
    const memory = await inspectMemory(resolved, config, { ...flags, contextLength, controlOf });
    const report = { ...description, ...(averages === undefined ? {} : { averages }), memory };
    if (flags.json === true) terminal.printJson(report);
    else {
      const parts = [
        text(description),
        ...(description.control === undefined ? [] : [controlText(description.control)]),
        ...(averages === undefined ? [] : [averageText(averages)]),
        memoryText(memory),
      ];
      terminal.print(parts.join("\n\n"));
    }
  }
}

/** The config of a model's U-Net, and where it is written. */
async function unetOf(
  resolved: ResolvedModel,
): Promise<{ readonly config: unknown; readonly path: string; readonly contextLength?: number | undefined }> {
  if (resolved.kind === "path") return await readComponentConfig(asFolder(resolved.path), "unet");
  const { name, architecture } = resolved;
  return { config: architecture.unet, path: name, contextLength: architecture.contextLength };
}

/** The network that `--controlnet` names, for the U-Net of a config. */
async function controlAsked(
  path: string | true | undefined,
  config: unknown,
  source: string,
  places: Places,
): Promise<((unet: UNetConfig) => ControlNetwork) | undefined> {
  if (path === undefined) return undefined;
  if (path === true) return controlNetFor;
  const place = await places(path, { what: "the control network", purpose: "network" });
  const { network } = await openControl(place, { name: source, unet: unetConfig(config, source) });
  return () => network;
}

function controlText({ parameters, full, prelude, branches }: ControlDescription): string {
  const rows = branches.map(({ branch, cached, ratio, ratioUncut }) => [
    String(branch),
    giga(cached),
    giga(full),
    ratio.toFixed(3),
    ratioUncut.toFixed(3),
  ]);
  return [
    `steered by a network of ${millions(parameters)} parameters: ${giga(full)} MACs more on a full evaluation, and ${giga(prelude)} once per run`,
    table([["branch", "cached, cut", "cached, uncut", "cached/full, cut", "cached/full, uncut"], ...rows]),
  ].join("\n");
}

interface Averages {
  readonly steps: number;
  readonly branch: number;
  /** Reference MACs per evaluation, averaged over a run, and the speed-up that they allow. */
  readonly intervals: readonly IntervalMacs[];
}

function averagesOf({ macs, branches }: UNetDescription, flags: Flags): Averages | undefined {
  if ([flags.steps, flags.interval, flags.branch].every((value) => value === undefined)) return undefined;
  const { steps = DEFAULTS.steps, interval = DEFAULTS.interval, branch = DEFAULTS.branch } = flags;
  const chosen = branches[branch];
  if (chosen === undefined) {
    throw new RangeError(`Cannot average at branch ${branch}: this network has branches 0 to ${branches.length - 1}`);
  }
  const cost = { full: macs.reference, cached: chosen.reference };
  return { steps, branch, intervals: averageMacs(cost, interval, steps) };
}

function averageText({ steps, branch, intervals }: Averages): string {
  const rows = intervals.map(({ interval, full, average, speedUp }) => [
    String(interval),
    `${full} of ${steps}`,
    giga(average),
    `${speedUp.toFixed(2)}x`,
  ]);
  return [
    `average over ${steps} evaluations at branch ${branch}, as the paper counts`,
    table([["interval", "full", "MACs", "limit"], ...rows]),
  ].join("\n");
}

function text({ architecture, sample, parameters, skips, macs, branches }: UNetDescription): string {
  const isGuided = branches.some(({ guided }) => guided !== undefined);
  const rows = branches.map(({ branch, cached, hoisted, guided, reference, ratio, feature }) => [
    String(branch),
    giga(cached),
    giga(hoisted),
    ...(guided === undefined ? [] : [giga(guided)]),
    giga(reference),
    ratio.toFixed(3),
    feature.join("×"),
  ]);
  return [
    `${architecture}, ${sample.join("×")} sample, ${millions(parameters)} parameters, ${skips} skip connections`,
    `full evaluation: ${giga(macs.full)} MACs, of which ${giga(macs.attention)} in attention products; ${giga(macs.reference)} as the paper counts`,
    ...(macs.prelude === 0 ? [] : [`once per run instead of at every evaluation: ${giga(macs.prelude)} MACs`]),
    "",
    table([
      [
        "branch",
        "cached",
        "hoisted",
        ...(isGuided ? ["guided"] : []),
        "as the paper counts",
        "cached/full",
        "cached feature",
      ],
      ...rows,
    ]),
  ].join("\n");
}
