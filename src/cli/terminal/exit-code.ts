import { CommanderError } from "commander";
import { DeepCacheError } from "../../errors/deepcache-error.ts";
import { DeviceError } from "../../errors/device-error.ts";
import { WeightMismatchError } from "../../layers/scope.ts";
import { EXIT, UsageError } from "../flags/usage.ts";
import type { Terminal } from "./console.ts";
import { InterruptedError } from "./interrupt.ts";
import { systemReason } from "./system-reason.ts";

/** Says in one sentence what went wrong, and which code the process exits with. */
export function exitCodeOf(error: unknown, terminal: Pick<Terminal, "warn">): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof InterruptedError) return EXIT.interrupted;
  terminal.warn(sentence(error));
  // Impossible settings are the caller's: an interval, a branch or a size that this model does not have.
  return isMisuse(error) ? EXIT.usage : EXIT.failure;
}

const isMisuse = (error: unknown): boolean =>
  error instanceof UsageError ||
  (error instanceof RangeError && isOurs(error)) ||
  (error instanceof DeepCacheError && (error.code === "OPTION_INVALID" || error.code === "OPTION_UNKNOWN"));

/** Sentences of the engine's own begin so; what JavaScript throws by itself is a fault in the engine, or memory that ran out. */
const isOurs = ({ message }: Error): boolean => /^(Cannot|No sampler) /.test(message);

const isFault = (error: Error): boolean =>
  [RangeError, TypeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind) && !isOurs(error);

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const reason = systemReason(error);
  if (reason !== undefined) return `Cannot ${callOf(error)}: ${reason}`;
  if (isFault(error)) return `Cannot go on: deepcache has a fault (${error.name}: ${error.message.slice(0, 200)})`;
  // What a device takes is in the message; its cause names a line of ONNX Runtime's own code.
  const cause = error.cause instanceof Error && !(error instanceof DeviceError) ? causeOf(error.cause) : "";
  // An error may be passed on with a code and its own words, or as another file's.
  const isSaid = error.message.includes(error.cause instanceof WeightMismatchError ? error.cause.problem : cause);
  return (isSaid ? error.message : `${error.message}: ${cause}`).replaceAll(/\s*\n\s*/g, " ");
}

const causeOf = (cause: Error): string => systemReason(cause) ?? cause.message;

/** "open \"a.png\"" */
function callOf(error: Error): string {
  const { syscall = "go on", path } = error as NodeJS.ErrnoException;
  return path === undefined ? syscall : `${syscall} "${path}"`;
}
