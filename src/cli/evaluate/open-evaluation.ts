import type { Subject } from "../../evaluation/evaluate.ts";
import { type MeasureName, measureNamed } from "../../evaluation/measures.ts";
import { checkFileNames } from "../../evaluation/store/records.ts";
import type { EvaluationSettings } from "../../evaluation/store/settings.ts";
import { baselineName, unitsOf, type Workload } from "../../evaluation/workload/items.ts";
import type { Prompt } from "../../evaluation/workload/prompts.ts";
import type { EvaluationFlags } from "../flags/evaluation-flags.ts";
import type { GenerationFlags } from "../flags/generation-flags.ts";
import { UsageError } from "../flags/usage.ts";
import { openJob } from "../job.ts";
import { given } from "../request.ts";
import type { Settled } from "../settle-precision.ts";
import type { Terminal } from "../terminal/console.ts";
import { checkUsedProfile, readUsedProfile } from "../tune/use-profile.ts";
import { settingsOf } from "./evaluation-settings.ts";
import { type EvaluationSubject, openSubject } from "./evaluation-subject.ts";
import { checkNeeds } from "./open-instruments.ts";

/** A model that is open to be evaluated, with everything that decides the results. */
export interface OpenedEvaluation extends AsyncDisposable {
  readonly subject: EvaluationSubject;
  readonly metrics: readonly MeasureName[];
  /** Prompts, or classes in words. */
  readonly rows: readonly Prompt[];
  readonly settings: EvaluationSettings;
}

/** Opens what the flags name, and refuses what does not go together; nothing is loaded before the first run. */
export async function openEvaluation(
  flags: Settled<EvaluationFlags>,
  prompts: readonly Prompt[],
  signal: AbortSignal,
  terminal: Terminal,
): Promise<OpenedEvaluation> {
  const metrics = metricsOf(flags);
  const texts = prompts.map(({ text }) => text);
  const subject = await openSubject((precision) =>
    openJob(texts, { ...jobFlags(flags), ...given({ precision }) }, signal, terminal, { advice: ADVICE }),
  );
  try {
    for (const { profile } of flags.policies) {
      if (profile !== undefined) await checkUsedProfile(readUsedProfile(profile), subject);
    }
    const prompted = metrics.find((name) => measureNamed(name).scope === "image");
    if (prompted !== undefined && subject.conditioned !== "prompt") {
      throw new UsageError(`Cannot measure ${prompted}: this model takes no prompts`);
    }
    const rows = subject.conditioned === "prompt" ? prompts : subject.rows.map((text): Prompt => ({ text }));
    const settings = settingsOf(flags, metrics, rows);
    return { subject, metrics, rows, settings, [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose]() };
  } catch (error) {
    await subject[Symbol.asyncDispose]();
    throw error;
  }
}

/** Begins a run of every policy, far enough to hear of impossible settings before any work is done. */
export async function checkPolicies(subject: Subject, workload: Workload): Promise<void> {
  const begun = new Set<string>();
  for (const unit of unitsOf(workload)) {
    if (begun.size === workload.policies.length) break;
    begun.add(unit.policy.name);
    for await (const _ of subject.run(unit)) break;
  }
}

const ADVICE = { prompt: "give --prompts", class: "give --classes, such as --classes 207" };

/** The metrics that are asked for; those that have nothing to measure are refused. */
function metricsOf(flags: Settled<EvaluationFlags>): readonly MeasureName[] {
  const { metrics: asked, policies } = flags;
  checkFileNames(policies.map(({ name }) => name));
  const metrics = asked ?? (baselineName(policies) === undefined ? [] : DEFAULT_METRICS);
  const compared = metrics.find((name) => measureNamed(name).scope === "pair");
  if (compared !== undefined && baselineName(policies) === undefined) {
    throw new UsageError(`Cannot measure ${compared} without a baseline: add off to --policies`);
  }
  checkNeeds(metrics, flags);
  return metrics;
}

const DEFAULT_METRICS: readonly MeasureName[] = ["psnr", "ssim"];

/** What `openJob` takes of the flags; each image is a row of its own. */
function jobFlags(flags: Settled<EvaluationFlags>): GenerationFlags {
  const { classes, prompts: _, policies: _p, metrics, merge, shard, seed: _s, batch: _b, ...others } = flags;
  const { redis, store, shards, ...given } = others;
  return { ...given, count: 1, ...(classes === undefined ? {} : { class: classes }) };
}
