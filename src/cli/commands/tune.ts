import { createHash } from "node:crypto";
import type { Command } from "commander";
import { nameOf } from "../../checkpoint/files/place.ts";
import { writeWhole } from "../../checkpoint/files/write.ts";
import { isSamplerName, type SamplerName } from "../../diffusion/samplers.ts";
import { type AnyPipeline, anyPipeline } from "../../pipelines/any-pipeline.ts";
import type { GenerateRequest } from "../../pipelines/generate-request.ts";
import { VERSION } from "../../pipelines/version.ts";
import { modelName } from "../../systems/model-location.ts";
import { openModel } from "../../systems/open-model.ts";
import { profiledNetwork } from "../../systems/recommended/own-profile.ts";
import type { Profile, TunedPoint } from "../../systems/recommended/profile.ts";
import { type TuningImage, tuningSubject } from "../../tuning/subject.ts";
import { TUNED_SAMPLERS, tune, UNCACHED_SAMPLERS } from "../../tuning/tune.ts";
import { lockFolder } from "../evaluate/folder-lock.ts";
import { addTuningFlags, type TuningFlags } from "../flags/tuning-flags.ts";
import { UsageError } from "../flags/usage.ts";
import { locationOf, runtimeOf } from "../job.ts";
import { readPrompts } from "../prompts.ts";
import { given, requestOf } from "../request.ts";
import { settlePrecision } from "../settle-precision.ts";
import type { Progress, Terminal } from "../terminal/console.ts";
import { terminalPlaces } from "../terminal/downloads.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { makeFolderOf } from "../terminal/output-files.ts";
import { openJournal } from "../tune/journal.ts";

/** `deepcache tune`: the best sampler, steps and cache for a budget, found on some prompts and checked on others. */
export function addTune(program: Command, terminal: Terminal): void {
  addTuningFlags(
    program
      .command("tune")
      .summary("search the best sampler, steps and cache for a budget of compute")
      .description(
        "Searches, for each budget, the sampler, the number of steps, the full evaluations and the forecast whose images " +
          "come closest to those of a run of many steps; checks the winner on other prompts and seeds against the best " +
          "run without a cache; and writes a profile. A search that was stopped goes on where it was.",
      ),
  )
    .addHelpText(
      "after",
      `
Examples:
  deepcache tune --prompts prompts.txt --guidance-scale 4 --budget 8,10,13 --output profile.json
  deepcache "a fox on a teal background" --profile profile.json@10`,
    )
    .action((flags: TuningFlags) => interruptible((signal) => run(flags, signal, terminal)));
}

async function run(asked: TuningFlags, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const flags = await settlePrecision(asked, signal, terminal);
  const location = await locationOf(flags, signal, terminal);
  const opened = await openModel(location);
  await using pipeline = anyPipeline(opened, modelName(nameOf(location.path)), {
    runtime: runtimeOf(flags, opened.model.unet),
    keepLoaded: true,
  });
  const rows = await rowsOf(pipeline, flags, signal, terminal);
  const { steps, seed: _, speedup: __, ...others } = flags;
  const request = await requestOf(
    pipeline,
    rows.prompts,
    { ...others, ...(rows.classes === undefined ? {} : { class: rows.classes }) },
    { advice: ADVICE, signal, places: terminalPlaces(terminal, signal) },
  );
  const sets = setsOf(request, flags);
  const samplers = samplersOf(pipeline, flags, TUNED_SAMPLERS);
  const uncached = samplersOf(pipeline, flags, UNCACHED_SAMPLERS);
  const options = {
    budgets: budgetsOf(flags),
    samplers,
    uncached,
    ...given({ steps: steps === undefined ? undefined : [steps] }),
    branch: flags.branch,
    reference: referenceOf(pipeline, flags),
    trials: flags.trials,
    timestepTrials: flags.timestepTrials,
    look: flags.batch,
  };
  const network = await profiledNetwork(pipeline.unet);
  const settings = createHash("sha256")
    .update(JSON.stringify([VERSION, network, options, sets, request, nameOf(location.path)]))
    .digest("hex");
  makeFolderOf(flags.output);
  const kept = `${flags.output}.tuning`;
  using _lock = lockFolder(kept);
  const journal = openJournal(kept, settings);
  if (journal.known > 0) terminal.status(`going on after ${journal.known} trials`);
  const subject = tuningSubject(pipeline, {
    request: plainRequest(request),
    sets,
    batch: flags.batch,
    ...options,
    signal,
  });
  let progress: Progress | undefined;
  let points: readonly TunedPoint[];
  try {
    points = await tune(subject, options, journal, (done, expected, what) => {
      progress ??= terminal.progress(Math.max(1, expected - journal.known));
      progress.update(done, what);
    });
  } finally {
    progress?.stop();
  }
  const { guidanceScale } = flags;
  const profile: Profile = {
    format: 1,
    version: VERSION,
    model: network,
    reference: options.reference,
    points: points.map((point) => ({ ...point, ...given({ guidanceScale }) })),
  };
  writeWhole(flags.output, `${JSON.stringify(profile, null, 2)}\n`, `${flags.output}.part`);
  journal.remove();
  if (flags.json === true) terminal.printJson(profile);
  else terminal.print([...points.map(verdict), flags.output].join("\n"));
}

/** One line on a tuned setting, honest where the cache loses. */
function verdict({ budget, fse, sampler, steps, timesteps, cache, checked }: TunedPoint): string {
  const { psnr, images, aboveUncached: rival, aboveCopied } = checked;
  const at = (own: readonly number[] | undefined): string => (own === undefined ? "" : " at timesteps of its own");
  const how = `${steps} steps of ${sampler}${at(timesteps)}${cache.kind === "listed" ? `, ${cache.full.length} of them full` : ", no cache"}`;
  const against = `${decibels(rival)} than ${rival.steps} steps of ${rival.sampler}${at(rival.timesteps)} without a cache`;
  const copied = aboveCopied === undefined ? "" : `, ${decibels(aboveCopied)} than the copied cache`;
  return `${budget} full-step equivalents: ${how} (${fse.toFixed(1)}): ${psnr.toFixed(1)} dB, ${against}${copied} (${images} other images)`;
}

const decibels = ({ mean, halfWidth }: { readonly mean: number; readonly halfWidth: number }): string => {
  const range = `${Math.abs(mean).toFixed(1)} ± ${halfWidth.toFixed(1)} dB`;
  if (Math.abs(mean) <= halfWidth) return `no different (${mean < 0 ? "-" : "+"}${range})`;
  return `${range} ${mean < 0 ? "worse" : "better"}`;
};

const ADVICE = {
  prompt: "give --prompts, a file with a prompt a line",
  class: "give --classes, such as --classes 207,360",
};

interface Rows {
  readonly prompts: readonly string[];
  readonly classes: readonly string[] | undefined;
}

async function rowsOf(
  { conditioned }: AnyPipeline,
  flags: TuningFlags,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<Rows> {
  const prompts =
    flags.prompts === undefined ? [] : (await readPrompts(flags.prompts, signal, terminal)).map(({ text }) => text);
  const [rows, kind, flag] =
    conditioned === "prompt"
      ? [prompts.length, "prompts", "--prompts FILE"]
      : [flags.classes?.length ?? 0, "classes", "--classes LIST"];
  if (conditioned !== "nothing" && rows < 2) {
    throw new UsageError(
      `Cannot tune on ${rows} ${kind}: at least 2 are required with ${flag}, since the result is checked on others ` +
        "than it was found on",
    );
  }
  return { prompts, classes: flags.classes };
}

/** Seeds of the check are far from those of the search. */
const CHECK_SEEDS = 1_000_000;

/** The first half of the rows is tuned on, the second is checked on; each is gone through as often as need be. */
function setsOf({ prompt = [], classes = [] }: GenerateRequest, { images, check, seed }: TuningFlags) {
  if (classes === "all") throw new UsageError("Cannot tune on all classes: give some, such as --classes 207,360");
  const prompts = [prompt].flat().map((text) => ({ prompt: text }));
  const shown: readonly TuningImage["shown"][] =
    prompts.length > 0 ? prompts : classes.map((name) => ({ classes: [name] }));
  const half = Math.ceil(shown.length / 2);
  const set = (rows: readonly TuningImage["shown"][], count: number, first: number): TuningImage[] =>
    Array.from({ length: count }, (_, i) => ({ seed: first + i, shown: rows[i % rows.length] ?? {} }));
  return {
    calibration: set(shown.slice(0, half), images, seed),
    check: set(shown.slice(half), check, seed + CHECK_SEEDS),
  };
}

function samplersOf({ samplers }: AnyPipeline, { sampler }: TuningFlags, all: readonly SamplerName[]): SamplerName[] {
  const chosen = sampler === undefined ? all : [sampler];
  const known = chosen.filter(isSamplerName).filter((name) => samplers.includes(name));
  if (known.length > 0) return [...known];
  if (sampler !== undefined) {
    throw new UsageError(`Cannot use --sampler ${sampler} with this model: one of ${samplers.join(", ")} is required`);
  }
  return samplers.filter(isSamplerName);
}

function referenceOf({ samplers }: AnyPipeline, { reference }: TuningFlags) {
  if (reference !== undefined) return reference;
  const sampler: SamplerName = samplers.includes(REFERENCE) ? REFERENCE : "ddim";
  return { sampler, steps: 200 };
}

/** The sampler whose many steps come closest to the exact solution. */
const REFERENCE: SamplerName = "dpmpp-2m-trailing";

function budgetsOf({ budget, speedup, steps = 50 }: TuningFlags): readonly number[] {
  if (budget !== undefined && speedup !== undefined)
    throw new UsageError("Cannot use --budget together with --speedup");
  const budgets = budget ?? speedup?.map((times) => Number((steps / times).toFixed(2)));
  if (budgets === undefined)
    throw new UsageError("Cannot tune without a budget: give --budget, such as --budget 8,10,13");
  for (const [i, value] of budgets.entries()) {
    if (value >= 2 && value <= steps) continue;
    const wanted = speedup === undefined ? "" : `--speedup ${speedup[i]}, `;
    throw new UsageError(
      `Cannot tune for ${wanted}${value} full-step equivalents: from 2 to the ${steps} of a run without a cache are required`,
    );
  }
  return budgets;
}

/** The request without what every trial says for itself. */
const plainRequest = ({
  prompt: _,
  classes: __,
  count: ___,
  steps: ____,
  sampler: _____,
  ...request
}: GenerateRequest) => request;
