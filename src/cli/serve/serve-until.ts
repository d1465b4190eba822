import type { AddressInfo } from "node:net";
import { handler } from "../../server/handler.ts";
import { missingPackage } from "../../server/missing-package.ts";
import type { ServerOptions, Sources } from "../../server/options.ts";
import type { Terminal } from "../terminal/console.ts";
import type { ServeFlags } from "./flags.ts";

/** Serves until the signal is aborted; then takes no more jobs, and lets what runs end within the time of grace. */
export async function serveUntil(
  signal: AbortSignal,
  models: Sources,
  options: ServerOptions,
  { host, port, grace }: Pick<ServeFlags, "host" | "port" | "grace">,
  terminal: Terminal,
): Promise<void> {
  const [{ serve }, { pino }] = await packages();
  const log = pino({ base: null }, pino.destination({ dest: 2, sync: true }));
  await using answer = handler(models, { ...options, log });
  await answer.ready;
  const server = serve({ fetch: answer, hostname: host, port, overrideGlobalObjects: false });
  try {
    await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  } catch (cause) {
    throw new Error(`Cannot listen on ${host}:${port}`, { cause });
  }
  const { port: taken } = server.address() as AddressInfo;
  terminal.print(`http://${host.includes(":") ? `[${host}]` : host}:${taken}`);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  log.info({ grace }, "stopping");
  const closed = new Promise((resolve) => server.close(resolve));
  await answer.close(AbortSignal.timeout(grace * 1000));
  if ("closeIdleConnections" in server) server.closeIdleConnections();
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS).unref())]);
  if ("closeAllConnections" in server) server.closeAllConnections();
}

/** Milliseconds in which the last answers are sent. */
const LAST_WORDS = 2000;

async function packages() {
  try {
    return await Promise.all([import("@hono/node-server"), import("pino")]);
  } catch (error) {
    throw missingPackage(error, "Cannot serve");
  }
}
