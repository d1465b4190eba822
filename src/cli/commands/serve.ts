import type { Command } from "commander";
import { UsageError } from "../flags/usage.ts";
import { addServedModelFlags, addStoreFlag, type ServeFlags, several, whole } from "../serve/flags.ts";
import { firstModelFlag } from "../serve/model-flags.ts";
import { serveUntil } from "../serve/serve-until.ts";
import { servedModels, serverOptions } from "../serve/settings.ts";
import { settlePrecision } from "../settle-precision.ts";
import type { Terminal } from "../terminal/console.ts";
import { terminalPlaces } from "../terminal/downloads.ts";
import { interruptible } from "../terminal/interrupt.ts";

/** `deepcache serve`: models over HTTP. */
export function addServe(program: Command, terminal: Terminal): void {
  const command = program
    .command("serve")
    .summary("answer other programs over HTTP, as OpenAI's and AUTOMATIC1111's servers do")
    .description(
      "Serves models over HTTP: OpenAI's images API, AUTOMATIC1111's routes, and jobs with events. Prints its address; one " +
        "line of JSON on stderr for each request, without prompts. Ctrl-C or SIGTERM let what runs end. docs/server.md says more.",
    );
  addStoreFlag(addServedModelFlags(command))
    .option("--redis <url>", "leave the work to workers of this Redis (deepcache worker); they have the models then")
    .optionsGroup("Network:")
    .option("--host <address>", "where to listen", "127.0.0.1")
    .option("--port <n>", "on which port; 0 takes a free one", whole("--port", 0), 7860)
    .option("--api-key <key>", "a key that requests must have, repeatable; also DEEPCACHE_API_KEY", several)
    .option("--no-api-key", "let everybody ask, also on other hosts than 127.0.0.1")
    .option("--cors <origin>", "a site whose pages may ask, repeatable; * for all", several)
    .option(
      "--grace <seconds>",
      "how long what runs may take to end when the server is stopped",
      whole("--grace", 0),
      30,
    )
    .optionsGroup("Limits:")
    .option("--max-queue <n>", "jobs that may wait (default: 64)", whole("--max-queue", 1))
    .option("--max-waiting <MiB>", "of pictures in jobs that wait (default: 1024)", whole("--max-waiting", 1))
    .option(
      "--rate <n>",
      "jobs that each key may ask for in a minute (default: as many as it likes)",
      whole("--rate", 1),
    )
    .option("--max-pixels <n>", "pixels of an image (default: 4194304)", whole("--max-pixels", 1))
    .option("--max-steps <n>", "steps of a run (default: 250)", whole("--max-steps", 1))
    .option("--max-images <n>", "images of a request (default: 16)", whole("--max-images", 1))
    .optionsGroup("Output:")
    .option("--output-dir <folder>", "write pictures here that are asked for by address or to be saved")
    .option("--log-prompts", "log prompts, too")
    .helpOption("-h, --help", "show this help")
    .addHelpText(
      "after",
      `
Examples:
  deepcache serve
  deepcache serve --model photo=realistic.safetensors --model art=stable-diffusion-v1-5 --port 8080
  deepcache serve --redis redis://127.0.0.1:6379
  deepcache serve --host 0.0.0.0 --api-key "$KEY" --output-dir pictures`,
    )
    .action((flags: ServeFlags) =>
      interruptible(async (signal) => {
        // LoRAs and embeddings go by the server's names.
        const idle = firstModelFlag(flags, { but: ["loraDir", "embeddingDir"] });
        if (flags.redis !== undefined && idle !== undefined) {
          throw new UsageError(`Cannot use ${idle} with --redis: give it to deepcache worker`);
        }
        const opened = async () =>
          await servedModels(await settlePrecision(flags, signal, terminal), terminalPlaces(terminal, signal));
        const models = flags.redis === undefined ? await opened() : {};
        await serveUntil(signal, models, await serverOptions(flags), flags, terminal);
      }),
    );
}
