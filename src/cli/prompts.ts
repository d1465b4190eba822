import { type Prompt, parsePrompts } from "../evaluation/workload/prompts.ts";
import { readAll } from "../image/files.ts";
import { UsageError } from "./flags/usage.ts";
import type { Terminal } from "./terminal/console.ts";

/** Stands for stdin and stdout. */
export const STANDARD = "-";

/** Where the command line gives prompts. */
export interface PromptFlags {
  readonly prompt?: string;
  readonly prompts?: string;
}

/**
 * The prompts of a command line: its arguments, of which `@file` and `-` stand for the lines of a file and of stdin, or those
 * of --prompt or --prompts. Words without a blank in any are one prompt whose quotes were forgotten.
 */
export async function promptsGiven(
  args: readonly string[],
  { prompt, prompts }: PromptFlags,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<readonly string[]> {
  const ways = [
    args.length > 0 && "a prompt argument",
    prompt !== undefined && "--prompt",
    prompts !== undefined && "--prompts",
  ];
  const [first, second] = ways.filter((way) => way !== false);
  if (second !== undefined) throw new UsageError(`Cannot use ${second} together with ${first}`);
  if (prompt !== undefined) return [prompt];
  if (prompts !== undefined) return textsOf(await readPrompts(prompts, signal, terminal));
  if (args.filter((arg) => arg === STANDARD).length > 1) throw new UsageError("Cannot read stdin twice: give - once");
  if (isOneUnquoted(args)) {
    const joined = args.join(" ");
    terminal.warn(
      `took the ${args.length} words for one prompt, "${joined}"; put several prompts into a file and give @file`,
    );
    return [joined];
  }
  const read = async (arg: string): Promise<readonly string[]> =>
    isReference(arg) ? textsOf(await readPrompts(arg.replace(/^@/, ""), signal, terminal)) : [arg];
  return (await Promise.all(args.map(read))).flat();
}

/** The prompts of a file, one a line or in one of the formats that evaluations read; of stdin where `path` is `-`. */
export async function readPrompts(path: string, signal: AbortSignal, terminal: Terminal): Promise<Prompt[]> {
  if (path === STANDARD) return parsePrompts(await terminal.readInput(signal), "stdin");
  let content: Uint8Array;
  try {
    content = await readAll(path, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(`Cannot read prompts from "${path}"`, { cause });
  }
  return parsePrompts(content, path);
}

const isReference = (arg: string): boolean => arg === STANDARD || /^@./.test(arg);

const isOneUnquoted = (args: readonly string[]): boolean =>
  args.length > 1 && args.every((arg) => arg !== "" && !/\s/.test(arg) && !isReference(arg));

const textsOf = (prompts: readonly Prompt[]): readonly string[] => prompts.map(({ text }) => text);
