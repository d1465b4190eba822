import { LIMITS } from "../../../errors/limits.ts";
import type { EvaluatedShard } from "../../../evaluation/merge.ts";
import { imagesOf, type Shard } from "../../../evaluation/workload/items.ts";
import type { JobQueue } from "../../../server/queue/queue.ts";
import { connected } from "../../../server/queue/queues/redis/connection.ts";
import { redisQueue } from "../../../server/queue/queues/redis/queue.ts";
import { UsageError } from "../../flags/usage.ts";
import { storeAt } from "../../serve/settings.ts";
import type { Progress, Terminal } from "../../terminal/console.ts";
import {
  ASKED_SECONDS,
  EVALUATIONS,
  evaluationKey,
  SHARD,
  type ShardOrder,
  type SharedEvaluation,
} from "./protocol.ts";
import { heldShard, keepShard, type MadeShard, type SpreadRequest } from "./shards.ts";

/** Shards that are asked for at a time: more than workers, so that none has to wait. */
const AT_ONCE = 256;

/** How often a shard is begun at most. */
const ATTEMPTS = 3;

/** Has all shards of an evaluation made by workers, but those that are there from before; gives them in their order. */
export async function askShards(request: SpreadRequest, terminal: Terminal): Promise<readonly EvaluatedShard[]> {
  const { flags, redis: url, settings, signal } = request;
  const shards = shardsOf(request);
  const made = new Map<number, EvaluatedShard>();
  for (const shard of shards) {
    const held = heldShard(flags.output, shard, settings);
    if (held !== undefined) made.set(shard.index, held);
  }
  const missing = shards.filter(({ index }) => !made.has(index));
  if (missing.length < shards.length) terminal.status(`going on after ${made.size} of ${shards.length} shards`);
  await using asked = await announce(url, request);
  const store = await storeAt(flags.store);
  const limits = { waiting: 2 * AT_ONCE, waitingOfOne: 2 * AT_ONCE, keptBytes: Number.MAX_SAFE_INTEGER };
  await using queue = await redisQueue<MadeShard>({ url, prefix: EVALUATIONS, store, attempts: ATTEMPTS, ...limits });
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const images = (done: readonly Shard[]): number =>
    done.reduce((sum, shard) => sum + imagesOf({ ...settings, shard }) * settings.policies.length, 0);
  const progress: Progress = terminal.progress(images(missing));
  const done: Shard[] = [];
  const warned = new Set<string>();
  const warn = (message: string): void => {
    if (!warned.has(message)) terminal.warn(message);
    warned.add(message);
  };
  const takeOne = async (): Promise<void> => {
    for (let shard = missing.shift(); shard !== undefined && !ended.aborted; shard = missing.shift()) {
      const files = await askOne(queue, { evaluation: asked.id, shard }, { signal: ended, warn });
      made.set(shard.index, keepShard(flags.output, shard, files, settings));
      done.push(shard);
      progress.update(images(done), `images, ${made.size} of ${shards.length} shards`);
    }
  };
  try {
    const lanes = Array.from({ length: Math.min(AT_ONCE, missing.length) }, () =>
      takeOne().catch((error: unknown) => failed.abort(error)),
    );
    await Promise.all(lanes);
  } finally {
    progress.stop();
  }
  ended.throwIfAborted();
  return shards.flatMap(({ index }) => made.get(index) ?? []);
}

/** As many as are asked for, but none without a batch. */
function shardsOf({ flags, settings }: SpreadRequest): readonly Shard[] {
  const batches = Math.ceil(settings.count / settings.batch);
  const of = Math.min(batches, flags.shards ?? LIMITS.evaluation.shards.most);
  return Array.from({ length: of }, (_, i) => ({ index: i + 1, of }));
}

/** What workers make of a shard; where the signal comes first, they are told to leave it. */
async function askOne(
  queue: JobQueue<MadeShard>,
  order: ShardOrder,
  { signal, warn }: { readonly signal: AbortSignal; warn(message: string): void },
): Promise<MadeShard> {
  const { index, of } = order.shard;
  const id = await queue.submit({ model: SHARD, options: { ...order }, owner: order.evaluation });
  for await (const { event } of queue.events(id, { signal })) {
    if (event.type === "warning") warn(event.message);
    if (event.type === "done") {
      await queue.forget(id);
      return event.result;
    }
    if (event.type === "failed") {
      const { status, message } = event.failure;
      throw new (status < 500 ? UsageError : Error)(`Cannot make shard ${index}/${of}: ${message}`);
    }
    if (event.type === "cancelled") throw new Error(`Cannot make shard ${index}/${of}: it was cancelled`);
  }
  await queue.cancel(id);
  signal.throwIfAborted();
  throw new Error(`Cannot make shard ${index}/${of}: Redis does not know it any more`);
}

/** Lets workers know of an evaluation for as long as this process asks for it. */
async function announce(url: string, { flags, prompts, settings }: SpreadRequest) {
  const redis = connected(url);
  redis.on("error", () => {});
  const id = crypto.randomUUID();
  const evaluation: SharedEvaluation = { flags, prompts, settings };
  const text = JSON.stringify(evaluation);
  const tell = async (): Promise<void> => void (await redis.set(evaluationKey(id), text, "EX", ASKED_SECONDS));
  await tell();
  const timer = setInterval(() => void tell().catch(() => {}), (ASKED_SECONDS * 1000) / 4);
  return {
    id,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await Promise.race([redis.del(evaluationKey(id)), new Promise((resolve) => setTimeout(resolve, 1000))]);
      redis.disconnect();
    },
  };
}
