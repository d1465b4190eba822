import type { EvaluationSettings } from "../../../evaluation/store/settings.ts";
import type { Shard } from "../../../evaluation/workload/items.ts";
import type { Prompt } from "../../../evaluation/workload/prompts.ts";
import { PREFIX } from "../../../server/queue/queues/redis/connection.ts";
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
