import { availableParallelism, cpus } from "node:os";
import { basename } from "node:path";
import type { Command } from "commander";
import { type Finished, finish, REPORT } from "../../evaluation/finish.ts";
import { settleReference } from "../../evaluation/measuring/feature-files.ts";
import { joinedSettings, mergeShards } from "../../evaluation/merge.ts";
import { reportTable, verdictTable } from "../../evaluation/report/table.ts";
import { type EvaluationSettings, readSettings, SETTINGS, writeSettings } from "../../evaluation/store/settings.ts";
import type { Store } from "../../evaluation/store/store.ts";
import { folderStore } from "../../evaluation/store/stores/folder.ts";
import { imagesOf } from "../../evaluation/workload/items.ts";
import { missingPackage, REDIS_PACKAGES } from "../../server/missing-package.ts";
import { keepSettings } from "../evaluate/evaluation-settings.ts";
import { lockFolder } from "../evaluate/folder-lock.ts";
import { checkPolicies, openEvaluation } from "../evaluate/open-evaluation.ts";
import { openInstruments } from "../evaluate/open-instruments.ts";
import { isEvaluated, removeShards, type SpreadRequest } from "../evaluate/spread/shards.ts";
import { addEvaluationFlags, type EvaluationFlags, type GivenFlags, withPolicies } from "../flags/evaluation-flags.ts";
import { leaveOutIdleSettings } from "../flags/idle-flags.ts";
import { readSettingsFile } from "../flags/settings-file.ts";
import { UsageError } from "../flags/usage.ts";
import { runtimeOf } from "../job.ts";
import { readPrompts } from "../prompts.ts";
import { settlePrecision } from "../settle-precision.ts";
import type { Terminal } from "../terminal/console.ts";
import { conversion } from "../terminal/conversion.ts";
import { capThreads } from "../terminal/cores.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { checkFolderWritable } from "../terminal/output-files.ts";
import { table } from "../terminal/units.ts";
import { watchEvaluation } from "../terminal/watch-evaluation.ts";

/** `deepcache eval`: speed, compute and quality of policies, in one table and one report. */
export function addEval(program: Command, terminal: Terminal): void {
  const command = program
    .command("eval")
    .summary("speed, compute and quality of cache policies, in one table and one report")
    .description(
      "Makes the same images from the same noise under every policy, measures them, and writes results, a summary and a " +
        "report (report.html) to a folder. A run that was stopped goes on where it was when it is started again.",
    );
  addEvaluationFlags(command)
    .addHelpText(
      "after",
      `
Examples:
  deepcache eval --prompts prompts.txt --guidance-scale 4 --policies off,uniform:3:0,steps:17 --output evaluation
  deepcache eval --model ddpm-church-256 --count 64 --policies off,uniform:5:2,ddim:20 --output church
  deepcache eval --prompts captions_val2017.json --count 5000 --shard 2/8 --output shard-2
  deepcache eval --merge shard-1 shard-2 --output evaluation
  deepcache eval --prompts captions_val2017.json --count 5000 --redis redis://10.0.0.1:6379 --output evaluation`,
    )
    .action((given: GivenFlags) => {
      if (given.settings !== undefined) {
        readSettingsFile(command, given.settings);
        leaveOutIdleSettings(command);
        capThreads(command, terminal);
      }
      return interruptible((signal) => run(withPolicies(command.opts<GivenFlags>()), signal, terminal));
    });
}

async function run(flags: EvaluationFlags, signal: AbortSignal, terminal: Terminal): Promise<void> {
  checkSpreading(flags);
  await checkFolderWritable(flags.output);
  const store = folderStore(flags.output);
  const finished = flags.merge === undefined ? await make(flags, store, signal, terminal) : merge(flags, store);
  const { summary, times } = finished;
  if (flags.json === true) terminal.printJson({ ...summary, times, report: `${flags.output}/${REPORT}` });
  else {
    const { columns, rows } = reportTable(summary, times);
    const verdicts = verdictTable(summary);
    const tables = [{ columns, rows }, ...(verdicts.rows.length > 0 ? [verdicts] : [])];
    const printed = tables.map((each) => table([each.columns.map(({ title }) => title), ...each.rows]));
    terminal.print(`${printed.join("\n\n")}\n${flags.output}/${REPORT}`);
  }
}

async function make(asked: EvaluationFlags, store: Store, signal: AbortSignal, terminal: Terminal): Promise<Finished> {
  const flags = await settlePrecision(asked, signal, terminal); // which is a part of the settings
  const prompts = flags.prompts === undefined ? [] : await readPrompts(flags.prompts, signal, terminal);
  if (flags.prompts !== undefined && flags.classes !== undefined) {
    throw new UsageError("Cannot use --prompts together with --classes");
  }
  await using evaluation = await openEvaluation(flags, prompts, signal, terminal);
  const { subject, metrics, rows, settings } = evaluation;
  if (flags.redis !== undefined)
    return await spread({ flags, redis: flags.redis, prompts, settings, store, signal }, terminal);
  await using opened = await openInstruments(metrics, flags, runtimeOf(flags), conversion(terminal, signal));
  opened.checkPrompts(rows);
  const workload = { ...settings, rows };
  if (imagesOf(workload) === 0) {
    throw new UsageError(
      `Cannot make shard ${flags.shard?.index}/${flags.shard?.of}: ${settings.count} images make only ` +
        `${Math.ceil(settings.count / settings.batch)} batches of ${settings.batch}`,
    );
  }
  await checkPolicies(subject, workload);
  using _lock = lockFolder(flags.output);
  keepSettings(store, settings, flags.output);
  const { instruments, networks, reference } = opened;
  await watchEvaluation({ workload, subject, metrics, instruments, networks, store, signal }, terminal);
  for (const network of networks) await settleReference(store, network, reference, settings.batch);
  return finish(store, settings, { title: titleOf(settings), machine: machineOf(flags) });
}

function checkSpreading({ redis, shard, merge, shards, store }: EvaluationFlags): void {
  const flag = shards !== undefined ? "--shards" : store === undefined ? undefined : "--store";
  if (redis === undefined && flag !== undefined) throw new UsageError(`Cannot use ${flag} without --redis`);
  const other = shard !== undefined ? "--shard" : merge === undefined ? undefined : "--merge";
  if (redis !== undefined && other !== undefined) throw new UsageError(`Cannot use --redis together with ${other}`);
}

/** Lets the workers of a Redis make the shards, and joins them. */
async function spread(asked: SpreadRequest, terminal: Terminal): Promise<Finished> {
  const { flags, settings, store } = asked;
  using _lock = lockFolder(flags.output);
  const isDone = isEvaluated(store, settings, flags.output);
  if (!isDone) {
    const { askShards } = await import("../evaluate/spread/ask.ts").catch((error: unknown) => {
      throw missingPackage(error, "Cannot use Redis", REDIS_PACKAGES);
    });
    const shards = await askShards(asked, terminal);
    mergeShards(shards, store);
    writeSettings(store, joinedSettings(shards));
  }
  removeShards(flags.output);
  return finish(store, settings, { title: titleOf(settings), machine: "as the shards were run" });
}

function merge(flags: EvaluationFlags, store: Store): Finished {
  const shards = (flags.merge ?? []).map((place) => {
    const own = folderStore(place);
    const settings = readSettings(own);
    if (settings === undefined) throw new UsageError(`Cannot merge "${place}": it has no ${SETTINGS}`);
    return { place, store: own, settings };
  });
  const settings = joinedSettings(shards);
  if (readSettings(store) !== undefined) {
    throw new UsageError(`Cannot merge into "${flags.output}": it holds an evaluation already`);
  }
  using _lock = lockFolder(flags.output);
  mergeShards(shards, store);
  writeSettings(store, settings);
  return finish(store, settings, { title: titleOf(settings), machine: "as the shards were run" });
}

const titleOf = ({ options }: EvaluationSettings): string =>
  `Evaluation of ${typeof options["model"] === "string" ? basename(options["model"]) : "the embedded model"}`;

function machineOf({ threads = availableParallelism() }: EvaluationFlags): string {
  return `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${threads} threads, Node ${process.versions.node}`;
}
