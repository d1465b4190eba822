import type { Command } from "commander";
import { missingPackage, REDIS_PACKAGES } from "../../server/missing-package.ts";
import { catalogue } from "../../server/models/catalogue.ts";
import { worker } from "../../server/work/worker.ts";
import { addServedModelFlags, type ServedModelFlags, whole } from "../serve/flags.ts";
import { modelMemory, servedModels } from "../serve/settings.ts";
import type { Terminal } from "../terminal/console.ts";
import { terminalPlaces } from "../terminal/downloads.ts";
import { interruptible } from "../terminal/interrupt.ts";

interface WorkerFlags extends ServedModelFlags {
  readonly redis: string;
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
    .requiredOption("--redis <url>", "where servers put jobs, such as redis://127.0.0.1:6379");
  addServedModelFlags(command)
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
    .action((flags: WorkerFlags) => interruptible((signal) => workUntil(signal, flags, terminal)));
}

async function workUntil(signal: AbortSignal, flags: WorkerFlags, terminal: Terminal): Promise<void> {
  const sources = await servedModels(flags, terminalPlaces(terminal, signal));
  const { redisWorker } = await import("../../server/queue/queues/redis/worker.ts").catch((error: unknown) => {
    throw missingPackage(error, "Cannot work for a Redis", REDIS_PACKAGES);
  });
  await using models = catalogue(sources, { memory: modelMemory(flags.memory) });
  await using working = await redisWorker({
    url: flags.redis,
    models: models.names,
    patience: flags.patience * 1000,
    work: worker(models),
    onFailure: (id, error) => terminal.warn(`job ${id}: ${error instanceof Error ? error.message : String(error)}`),
  });
  terminal.print(`working on ${models.names.join(", ")}`);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  await working.close(AbortSignal.timeout(flags.grace * 1000));
}
