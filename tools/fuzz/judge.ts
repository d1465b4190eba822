import type { ReaderName } from "./cases.ts";
import { CASE } from "./reader.ts";

/** Errors that a caller can tell apart. Others are misuse, and say so in the engine's own words. */
const KNOWN =
  /^(CheckpointError|ConfigError|ImageError|PngError|SchedulerConfigError|TokenizerError|EvaluationError|WeightMismatchError|UsageError|Refusal)$/;
/** Readers of values rather than of files, and of folders whose files have names of their own. */
const NAMELESS: ReadonlySet<ReaderName> = new Set([
  ...(["parameters", "policy", "policy-text", "exif", "tokenizer", "evaluation", "prompt-weights"] as const),
  ...(["trials", "job-data", "shard-order", "request"] as const),
]);
const MOST_CHARACTERS = 2000;

/** What is wrong with an error that a reader threw; undefined of one that is as it should be. */
export function faultOf(reader: ReaderName, error: unknown): string | undefined {
  if (!(error instanceof Error)) return `threw ${String(error).slice(0, 100)}, which is no Error`;
  const { name, message } = error;
  if (name === "Lie") return `accepted ${message}`;
  if (!KNOWN.test(name) && !/^Cannot /.test(message)) return `internal ${name}: ${message.slice(0, 160)}`;
  if (!NAMELESS.has(reader) && !message.includes(CASE)) return `${name} without the file: ${message.slice(0, 160)}`;
  if (message.length > MOST_CHARACTERS) return `message of ${message.length} characters`;
  return undefined;
}
