import { quote } from "../../../checkpoint/bytes/limits.ts";
import { isJsonObject, parseJsonText } from "../../../checkpoint/text/json.ts";
import { type EvaluationSettings, settingsIn } from "../../../evaluation/store/settings.ts";
import type { Shard } from "../../../evaluation/workload/items.ts";
import type { Prompt } from "../../../evaluation/workload/prompts.ts";
import { VERSION } from "../../../pipelines/version.ts";
import { PREFIX } from "../../../server/queue/queues/redis/connection.ts";
import { Refusal } from "../../../server/refusal.ts";
import type { EvaluationFlags } from "../../flags/evaluation-flags.ts";
import type { Settled } from "../../settle-precision.ts";

/** What the keys of evaluations in Redis begin with: they have a queue of their own. */
export const EVALUATIONS = `${PREFIX}-evaluations`;

/** The name under which workers take shards, as they take jobs of a model elsewhere. */
export const SHARD = "shard";

/** An evaluation as workers are told of it. */
export interface SharedEvaluation {
  readonly flags: Settled<EvaluationFlags>;
  readonly prompts: readonly Prompt[];
  readonly settings: EvaluationSettings;
}

/** An evaluation as Redis holds it; one that no process of this version has left there is refused. */
export function sharedEvaluation(text: string): SharedEvaluation {
  const value = parseJsonText(text, "the evaluation in Redis");
  const { flags, prompts, settings } = isJsonObject(value) ? value : {};
  const { version } = isJsonObject(settings) ? settings : {};
  if (version !== VERSION) {
    throw new Refusal(400, "other_version", `the worker is deepcache ${VERSION}, not ${quote(version)}`);
  }
  const isPrompt = (prompt: unknown): boolean => isJsonObject(prompt) && typeof prompt["text"] === "string";
  if (!isJsonObject(flags) || !Array.isArray(prompts) || !prompts.every(isPrompt)) {
    throw new Refusal(400, "damaged", "Cannot read the evaluation in Redis: it has no flags or no prompts");
  }
  return { flags: flags as unknown as SharedEvaluation["flags"], prompts, settings: settingsIn(settings) };
}

/** One of its shards. */
export interface ShardOrder {
  /** Where the evaluation is found, for as long as somebody asks for it. */
  readonly evaluation: string;
  readonly shard: Shard;
}

/** Where an evaluation lies in Redis. */
export const evaluationKey = (id: string): string => `${EVALUATIONS}:asked:${id}`;

/** Seconds after which nobody asks any more who does not say so again. */
export const ASKED_SECONDS = 60;
