import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import type { Redis } from "ioredis";
import { evaluate } from "../../../evaluation/evaluate.ts";
import { settleReference } from "../../../evaluation/measuring/feature-files.ts";
import { type EvaluationSettings, writeSettings } from "../../../evaluation/store/settings.ts";
import type { Store } from "../../../evaluation/store/store.ts";
import { folderStore } from "../../../evaluation/store/stores/folder.ts";
import type { Shard } from "../../../evaluation/workload/items.ts";
import type { Work, WorkContext } from "../../../server/queue/queue.ts";
import { Refusal } from "../../../server/refusal.ts";
import type { EvaluationFlags } from "../../flags/evaluation-flags.ts";
import { EXIT } from "../../flags/usage.ts";
import { runtimeOf } from "../../job.ts";
import type { Terminal } from "../../terminal/console.ts";
import { conversion } from "../../terminal/conversion.ts";
import { exitCodeOf } from "../../terminal/exit-code.ts";
import { type OpenedEvaluation, openEvaluation } from "../open-evaluation.ts";
import { type EvaluationInstruments, openInstruments } from "../open-instruments.ts";
import { evaluationKey, type ShardOrder, sharedEvaluation } from "./protocol.ts";
import type { MadeShard } from "./shards.ts";

/** What this machine makes shards with, whatever the evaluation says. */
export type OwnFlags = Partial<Pick<EvaluationFlags, "device" | "threads" | "lowMemory">>;

interface Held {
  readonly id: string;
  readonly evaluation: OpenedEvaluation;
  readonly opened: EvaluationInstruments;
}

/** Makes shards one by one; the model of an evaluation stays open until another one is asked for. */
export interface ShardMaker extends AsyncDisposable {
  readonly work: Work<MadeShard>;
}

/** A maker of the shards that are asked for in a Redis. */
export function shardMaker(redis: Redis, own: OwnFlags, terminal: Terminal): ShardMaker {
  let held: Held | undefined;
  const release = async (): Promise<void> => {
    const { evaluation, opened } = held ?? {};
    held = undefined;
    await opened?.[Symbol.asyncDispose]();
    await evaluation?.[Symbol.asyncDispose]();
  };
  const open = async (id: string, signal: AbortSignal): Promise<Held> => {
    const text = await redis.get(evaluationKey(id));
    if (text === null) throw new Refusal(410, "gone", "nobody asks for it any more");
    if (held?.id === id) return held;
    await release();
    const { flags: asked, prompts, settings } = sharedEvaluation(text);
    const flags = { ...asked, ...own };
    const evaluation = await openEvaluation(flags, prompts, signal, terminal);
    const opening = openInstruments(evaluation.metrics, flags, runtimeOf(flags), conversion(terminal, signal));
    const opened = await opening.catch(async (error: unknown) => {
      await evaluation[Symbol.asyncDispose]();
      throw error;
    });
    opened.checkPrompts(evaluation.rows);
    held = { id, evaluation: { ...evaluation, settings }, opened };
    return held;
  };
  return {
    async work({ options }, { signal, tell }) {
      const { evaluation, shard } = options as unknown as ShardOrder;
      const folder = mkdtempSync(join(tmpdir(), "deepcache-shard-"));
      try {
        await makeShard(await open(evaluation, signal), shard, folderStore(folder), { signal, tell });
        return { files: filesIn(folder) };
      } catch (error) {
        signal.throwIfAborted();
        throw told(error);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    [Symbol.asyncDispose]: release,
  };
}

async function makeShard(
  { evaluation, opened }: Held,
  shard: Shard,
  store: Store,
  { signal, tell }: WorkContext,
): Promise<void> {
  const { subject, metrics, rows, settings: whole } = evaluation;
  const { instruments, networks, reference } = opened;
  const settings: EvaluationSettings = { ...whole, shard };
  const workload = { ...settings, rows };
  writeSettings(store, settings);
  for await (const event of evaluate({ workload, subject, metrics, instruments, networks, store, signal })) {
    if (event.type === "warning") tell(event);
  }
  // What sets are compared with is the same everywhere: one shard brings it.
  if (shard.index > 1) return;
  for (const network of networks) await settleReference(store, network, reference, settings.batch);
}

/** All files below a folder by their names, with "/" between parts. */
const filesIn = (folder: string): MadeShard["files"] =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [path.slice(folder.length + 1).replaceAll(sep, "/"), readFileSync(path)]),
  );

/** Whoever asks is told what failed here, in the words of a command; what no attempt can mend is not tried again. */
function told(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  let message = "";
  const code = exitCodeOf(error, { warn: (text) => (message = text) });
  return code === EXIT.usage ? new Refusal(400, "usage", message) : new Refusal(500, "failed", message);
}
