import type { Command } from "commander";
import { missingPackage, REDIS_PACKAGES } from "../../server/missing-package.ts";
import { catalogue } from "../../server/models/catalogue.ts";
import { worker } from "../../server/work/worker.ts";
import { UsageError } from "../flags/usage.ts";
import { addServedModelFlags, addStoreFlag, type ServedModelFlags, whole } from "../serve/flags.ts";
import { firstModelFlag } from "../serve/model-flags.ts";
import { modelMemory, servedModels, storeAt } from "../serve/settings.ts";
import { settlePrecision } from "../settle-precision.ts";
import type { Terminal } from "../terminal/console.ts";
import { terminalPlaces } from "../terminal/downloads.ts";
import { interruptible } from "../terminal/interrupt.ts";

interface WorkerFlags extends ServedModelFlags {
  readonly redis: string;
  readonly evaluations?: boolean;
  readonly grace: number;
  readonly patience: number;
}

/** `deepcache worker`: does the jobs that servers put into a Redis. */
export function addWorker(program: Command, terminal: Terminal): void {
  const command = program
    .command("worker")
    .summary("do the jobs of servers that share a Redis")
    .description(
      "Does the jobs that deepcache serve --redis takes, one at a time; any number of workers may run, on any machines that " +
        "reach the Redis. Ctrl-C or SIGTERM let what runs end within --grace, then give it back; the jobs of a worker that dies " +
        "are done by another.",
    )
    .requiredOption("--redis <url>", "where servers put jobs, such as redis://127.0.0.1:6379")
    .option("--evaluations", "make shards of deepcache eval --redis instead, with the files that it names");
  addStoreFlag(addServedModelFlags(command))
    .option(
      "--grace <seconds>",
      "how long what runs may take to end when the worker is stopped",
      whole("--grace", 0),
      30,
    )
    .option(
      "--patience <seconds>",
      "after how long without a sign of life a worker's job is given to another",
      whole("--patience", 1),
      15,
    )
    .helpOption("-h, --help", "show this help")
    .action((flags: WorkerFlags) =>
      interruptible((signal) =>
        flags.evaluations === true ? evaluateUntil(signal, flags, terminal) : workUntil(signal, flags, terminal),
      ),
    );
}

async function workUntil(signal: AbortSignal, flags: WorkerFlags, terminal: Terminal): Promise<void> {
  const sources = await servedModels(await settlePrecision(flags, signal, terminal), terminalPlaces(terminal, signal));
  const { redisWorker } = await import("../../server/queue/queues/redis/worker.ts").catch(withoutRedis);
  await using models = catalogue(sources, { memory: modelMemory(flags.memory) });
  await using working = await redisWorker({
    ...(await placeOf(flags, terminal)),
    models: models.names,
    work: worker(models),
  });
  terminal.print(`working on ${models.names.join(", ")}`);
  await stopped(signal);
  await working.close(AbortSignal.timeout(flags.grace * 1000));
}

async function evaluateUntil(signal: AbortSignal, flags: WorkerFlags, terminal: Terminal): Promise<void> {
  const idle = firstModelFlag(flags);
  if (idle !== undefined) throw new UsageError(`Cannot use ${idle} with --evaluations: give it to deepcache eval`);
  const { openShardWorker } = await import("../evaluate/spread/work.ts").catch(withoutRedis);
  const { device, threads, lowMemory } = flags;
  const own = {
    ...(device === "cpu" ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(lowMemory === undefined ? {} : { lowMemory }),
  };
  await using working = await openShardWorker(await placeOf(flags, terminal), own, terminal);
  terminal.print("working on evaluations");
  await stopped(signal);
  await working.close(AbortSignal.timeout(flags.grace * 1000));
}

const stopped = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));

const withoutRedis = (error: unknown): never => {
  throw missingPackage(error, "Cannot work for a Redis", REDIS_PACKAGES);
};

/** Where jobs are found, and who is told of those that fail. */
const placeOf = async (flags: WorkerFlags, terminal: Terminal) => ({
  url: flags.redis,
  patience: flags.patience * 1000,
  store: await storeAt(flags.store),
  onFailure: (id: string, error: unknown): void =>
    terminal.warn(`job ${id}: ${error instanceof Error ? error.message : String(error)}`),
});
