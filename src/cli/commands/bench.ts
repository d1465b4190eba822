import { rm } from "node:fs/promises";
import { cpus } from "node:os";
import { basename, extname, join } from "node:path";
import type { Command } from "commander";
import { type BenchmarkOptions, benchmark } from "../../benchmark/benchmark.ts";
import { equalComputeSteps } from "../../benchmark/equal-compute.ts";
import type { WeightDtype } from "../../benchmark/random-weights.ts";
import { reportMarkdown } from "../../benchmark/report/markdown.ts";
import { speedupPlot } from "../../benchmark/report/plot.ts";
import type { BenchmarkReport } from "../../benchmark/report/report.ts";
import { reportFacts, reportTables } from "../../benchmark/report/report-tables.ts";
import { architectureSubject, modelSubject, type Subject } from "../../benchmark/subject.ts";
import { nameOf } from "../../checkpoint/files/place.ts";
import { writeWhole } from "../../checkpoint/files/write.ts";
import { ARCHITECTURES } from "../../models/architectures.ts";
import { parseScenario, parseScenarios, SCENARIO_SYNTAX, type Scenario } from "../../pipelines/run/scenario.ts";
import type { Convolutions } from "../../runtime/convolutions.ts";
import type { PrecisionChoice } from "../../runtime/node/choose-precision.ts";
import { DEVICE_NAMES, type NodeDevice } from "../../runtime/node/device.ts";
import { onnxRuntimePackage } from "../../runtime/node/onnxruntime.ts";
import { isOpenVinoDevice } from "../../runtime/openvino/device.ts";
import { openVinoVersion } from "../../runtime/openvino/examine.ts";
import { PRECISIONS, type Precision } from "../../runtime/precision.ts";
import { modelName } from "../../systems/model-location.ts";
import { openModel } from "../../systems/open-model.ts";
import { resolveArchitecture } from "../../systems/resolve-model.ts";
import { parseConvolutions, parseDevice, parseDtype, parsePrecisionChoice } from "../flags/generation-flags.ts";
import { parseList, parseWhole, UsageError } from "../flags/usage.ts";
import { locationOf, runtimeOf } from "../job.ts";
import { settlePrecision } from "../settle-precision.ts";
import { cacheFolder } from "../terminal/cache-folder.ts";
import type { Progress, Terminal } from "../terminal/console.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { checkWritable, makeFolderOf } from "../terminal/output-files.ts";
import { table } from "../terminal/units.ts";

interface Flags {
  readonly model?: string;
  readonly config?: string;
  readonly variant?: string;
  readonly architecture?: string;
  /** True where no path is given. */
  readonly controlnet?: string | true;
  readonly dtype: WeightDtype;
  readonly branches: readonly number[];
  readonly intervals: readonly number[];
  readonly evaluations: number;
  readonly policies?: readonly Scenario[];
  /** commander sets this to false for --no-runs. */
  readonly runs: boolean;
  readonly repeat: number;
  readonly runRepeat: number;
  readonly uncut?: boolean;
  readonly parts?: boolean;
  readonly batch: number;
  readonly width?: number;
  readonly height?: number;
  readonly device: NodeDevice;
  readonly threads?: number;
  readonly convolutions?: Convolutions;
  readonly precision?: readonly PrecisionChoice[];
  readonly lowMemory?: boolean;
  readonly cacheFolder?: string;
  readonly clean?: boolean;
  readonly output?: string;
  readonly report?: string;
  readonly json?: boolean;
}

/** `deepcache bench`: how long the parts of a U-Net and whole runs take, beside what their operations allow. */
export function addBench(program: Command, terminal: Terminal): void {
  const whole = (flag: string, least: number) => (text: string) => parseWhole(flag, text, least);
  const list = (flag: string, least: number) => (text: string) => parseList(flag, text, least);
  program
    .command("bench")
    .summary("time a U-Net's parts and whole runs, beside their MAC limit")
    .description(
      "Times full and cached evaluations of a U-Net in turn, branch by branch, then whole runs in turn; prints medians " +
        "beside what their operations (MACs) allow and beside the machine's own peak. Measures the U-Net alone, at the " +
        "batch given: classifier-free guidance doubles it.",
    )
    .option("-m, --model <path>", "model folder or checkpoint file (default: the embedded model)")
    .option("--config <file>", "YAML of the original repository that describes a checkpoint file")
    .option("--variant <name>", "read the weight files published under this name, such as fp16")
    .option(
      "--architecture <name>",
      `a built-in one with random weights, written once: ${Object.keys(ARCHITECTURES).join(", ")}`,
    )
    .option(
      "--controlnet [path]",
      "steer the U-Net by this ControlNet or T2I-Adapter; with --architecture, by a ControlNet with random weights",
    )
    .option("--dtype <type>", "of random weights: fp16 or fp32", parseDtype, "fp16")
    .option("--branches <list>", "branches to cut at", list("--branches", 0), [0])
    .option("--intervals <list>", "intervals to give the speed-up for", list("--intervals", 1), [2, 3, 5, 10])
    .option("--evaluations <n>", "evaluations of a run", whole("--evaluations", 1), 50)
    .option("--policies <list>", `whole runs: ${SCENARIO_SYNTAX} (default: see below)`, parseScenarios)
    .option("--no-runs", "measure evaluations only; whole runs of large models take minutes each")
    .option("--repeat <n>", "turns of full and cached evaluations", whole("--repeat", 1), 5)
    .option("--run-repeat <n>", "turns of whole runs", whole("--run-repeat", 1), 1)
    .option("--uncut", "time the network uncut, too")
    .option("--parts", "time head, trunk and tail apart where evaluations run in one piece")
    .option("--batch <n>", "samples in the batch", whole("--batch", 1), 1)
    .option("--width <pixels>", "width of the sample that the U-Net sees, in latent pixels", whole("--width", 1))
    .option("--height <pixels>", "its height", whole("--height", 1))
    .option("--device <name>", `where to run: ${DEVICE_NAMES}`, parseDevice, "cpu")
    .option("-t, --threads <n>", "threads to run on (default: all cores)", whole("--threads", 1))
    .option("--convolutions <how>", "winograd or direct, on the CPU (default: winograd)", parseConvolutions)
    .option(
      "--precision <list>",
      `what the U-Net's layers are computed in, others in turn with the first: ${PRECISIONS.join(", ")}, auto (default: float32)`,
      (text: string) => text.split(",").map((name) => parsePrecisionChoice(name.trim())),
    )
    .option("--low-memory", "leave weights in their files; slower")
    .option(
      "--cache-folder <path>",
      "where random weights lie (default: $XDG_CACHE_HOME/deepcache or ~/.cache/deepcache)",
    )
    .option("--clean", "remove random weights and do nothing else")
    .option("-o, --output <file>", "write the result as JSON")
    .option("--report <file>", "write a page in Markdown, and the plot as an SVG beside it")
    .option("--json", "print the result as JSON on stdout")
    .addHelpText(
      "after",
      `
Without --policies, the runs are: without a cache, every branch at interval 5, and as many steps without a cache as
cost what interval 5 at the first branch costs.

Examples:
  deepcache bench --branches 0,1,2
  deepcache bench --architecture stable-diffusion-v1-5 --branches 0,1 --no-runs --report sd15.md
  deepcache bench --policies off,off+int8,uniform:5:0+int8
  deepcache bench --architecture ddpm-cifar10 --batch 16 --branches 2 --policies off,uniform:5:2,uniform:10:2,steps:20`,
    )
    .action((flags: Flags) => interruptible((signal) => bench(flags, signal, terminal)));
}

async function bench(flags: Flags, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const folder = join(flags.cacheFolder ?? cacheFolder(), "benchmark");
  if (flags.clean === true) {
    await rm(folder, { recursive: true, force: true });
    terminal.print(`removed ${folder}`);
    return;
  }
  const plot = flags.report === undefined ? undefined : plotPath(flags.report);
  for (const path of [flags.output, flags.report, plot]) if (path !== undefined) await checkWritable(path);
  const begin = performance.now();
  const { subject, made } = await openSubject(flags, folder, signal, terminal);
  const preparationSeconds = made ? (performance.now() - begin) / 1000 : 0;
  const report = await measure(subject, { ...optionsOf(flags, subject), preparationSeconds }, flags, signal, terminal);
  for (const path of [flags.output, flags.report]) if (path !== undefined) makeFolderOf(path);
  if (flags.output !== undefined) writeWhole(flags.output, `${JSON.stringify(report, null, 2)}\n`);
  if (flags.report !== undefined) writeReport(flags.report, report);
  if (flags.json === true) terminal.printJson(report);
  else terminal.print(reportText(report));
}

async function measure(
  subject: Subject,
  options: BenchmarkOptions,
  flags: Flags,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<BenchmarkReport> {
  const { threads, lowMemory } = flags;
  const [precision, ...others] = await precisionsOf(flags, signal, terminal);
  const [cpu] = cpus();
  let current: { readonly what: string; readonly bar: Progress } | undefined;
  try {
    const report = await benchmark(subject, options, {
      runtime: runtimeOf({ ...flags, precision }),
      others: others.map((other) => runtimeOf({ ...flags, precision: other })),
      machine: {
        cpu: cpu?.model.trim() ?? "unknown",
        cores: cpus().length,
        node: process.versions.node,
        runtime: runtimeVersion(flags.device),
        ...(threads === undefined ? {} : { threads }),
        ...(lowMemory === undefined ? {} : { lowMemory }),
        ...(flags.precision === undefined ? {} : { precision: precision ?? "float32" }),
      },
      probe: { now: () => performance.now(), peakBytes: () => 1024 * process.resourceUsage().maxRSS, signal },
      tell(what, done, of) {
        if (current?.what !== what) {
          current?.bar.stop();
          current = { what, bar: terminal.progress(of) };
        }
        current.bar.update(done, what);
      },
    });
    return flags.architecture === undefined ? report : { ...report, weights: flags.dtype };
  } finally {
    current?.bar.stop();
  }
}

/** The precision of what gives none, then all others that are asked for. */
async function precisionsOf(flags: Flags, signal: AbortSignal, terminal: Terminal): Promise<readonly Precision[]> {
  const { precision = [], policies = [], device, threads } = flags;
  const asked: Precision[] = [];
  for (const choice of precision.length === 0 ? (["float32"] as const) : precision) {
    const given = { precision: choice, device, ...(threads === undefined ? {} : { threads }) };
    asked.push((await settlePrecision(given, signal, terminal)).precision ?? "float32");
  }
  return [...new Set([...asked, ...policies.flatMap((scenario) => scenario.precision ?? [])])];
}

/** What runs graphs on a device, with its version. */
const runtimeVersion = (device: NodeDevice): string =>
  isOpenVinoDevice(device) ? `OpenVINO ${openVinoVersion()}` : `onnxruntime-node ${onnxRuntimePackage().version}`;

async function openSubject(
  flags: Flags,
  folder: string,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<{ readonly subject: Subject; readonly made: boolean }> {
  const { architecture, controlnet, ...others } = flags;
  const { dtype, batch, width, height } = others;
  const size = { batch, width, height };
  if (architecture !== undefined) {
    const foreign = (["model", "config", "variant"] as const).find((name) => flags[name] !== undefined);
    if (typeof controlnet === "string") {
      throw new UsageError("Cannot use --controlnet with a path together with --architecture: its weights are random");
    }
    if (foreign !== undefined) throw new UsageError(`Cannot use --${foreign} together with --architecture`);
    terminal.status("looking for random weights, or making them");
    return architectureSubject(resolveArchitecture(architecture), size, {
      ...{ dtype, folder, signal },
      steered: controlnet,
    });
  }
  if (controlnet === true) throw new UsageError("Cannot use --controlnet without a path but with --architecture");
  const controls = controlnet === undefined ? {} : { controlnet: [controlnet] };
  const { precision: _, ...located } = others;
  const location = await locationOf({ ...located, ...controls }, signal, terminal);
  return { subject: modelSubject(modelName(nameOf(location.path)), await openModel(location), size), made: false };
}

function optionsOf(flags: Flags, subject: Subject): BenchmarkOptions {
  const { branches, intervals, evaluations, repeat, runRepeat, uncut = false, parts = false } = flags;
  if (!flags.runs && flags.policies !== undefined)
    throw new UsageError("Cannot use --policies together with --no-runs");
  const scenarios = flags.runs ? (flags.policies ?? defaultScenarios(flags, subject)) : [];
  return { branches, intervals, scenarios, evaluations, repeat, runRepeat, uncut, parts };
}

const DEFAULT_INTERVAL = 5;

function defaultScenarios({ branches, evaluations }: Flags, subject: Subject): Scenario[] {
  const cached = branches.map((branch) => `uniform:${DEFAULT_INTERVAL}:${branch}`);
  const steps = equalComputeSteps(subject, { branch: branches[0] ?? 0, interval: DEFAULT_INTERVAL, evaluations });
  return ["off", ...cached, `steps:${steps}`].map(parseScenario);
}

/** The page, and the plot under the same name. */
function writeReport(path: string, report: BenchmarkReport): void {
  const plot = plotPath(path);
  writeWhole(plot, speedupPlot(report));
  writeWhole(path, reportMarkdown(report, basename(plot)));
}

const plotPath = (page: string): string => `${extname(page) === "" ? page : page.slice(0, -extname(page).length)}.svg`;

function reportText(report: BenchmarkReport): string {
  const facts = reportFacts(report).map(([name, value]) => `${name.padEnd(24)}${value}`);
  const tables = reportTables(report).map(({ title, rows }) => `${title}\n${table(rows)}`);
  return [facts.join("\n"), ...tables].join("\n\n");
}
